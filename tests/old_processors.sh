#!/bin/sh
# The program on processors that this machine only pretends to be: old_processors.sh PROGRAM KERNEL-TESTS SOURCE-FOLDER
# Nehalem is the oldest of x86-64-v2 (no AVX), Haswell has AVX2 but no AVX-512. NOT RUN (exit code 77) without qemu-x86_64.
set -u
program=$1 kernel_tests=$2 source=$3
command -v qemu-x86_64 >/dev/null || { echo "NOT RUN: qemu-x86_64 (package qemu-user) is not installed"; exit 77; }
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failed=0

on() { # on PROCESSOR EXIT-CODE ARGUMENT ...: run there; what it says is in $scratch/out
  processor=$1 expected=$2
  shift 2
  qemu-x86_64 -cpu "$processor" "$@" >"$scratch/out" 2>&1
  code=$?
  [ $code -eq "$expected" ] && return
  echo "$processor: exit code $code, not $expected: $*"
  cat "$scratch/out"
  failed=1
}

holds() {
  grep -qF -- "$1" "$scratch/out" && return
  echo "not in the output: $1"
  cat "$scratch/out"
  failed=1
}

unset DEEPECG_CPU
on Nehalem 0 "$program" selftest
holds "generic kernels"
on Nehalem 0 "$program" predict "$source/ecg_signals/ecg_000004.xml" --weights_folder "$source/demo/weights"
holds "AF within 5 years                                        0.992 *       0.977 *"
on Haswell 0 "$program" selftest
holds "avx2 kernels"

# A variant that the processor lacks is refused by name, and reported by the tests as not run.
DEEPECG_CPU=avx2 on Nehalem 4 "$program" bench "$source/demo/weights/efficientnetv2_afib_5y"
holds "DEEPECG_CPU=avx2: this processor lacks the instructions; it can run: generic"
DEEPECG_CPU=avx512 on Haswell 4 "$program" bench "$source/demo/weights/efficientnetv2_afib_5y"
holds "DEEPECG_CPU=avx512: this processor lacks the instructions; it can run: avx2, generic"
on Haswell 2 "$program" bench "$source/demo/weights/wcr_afib_5y" --precision bf16
holds "--precision: precision bf16 wants AVX512-BF16 instructions, which this processor lacks"
on Haswell 0 "$kernel_tests"
holds "[       OK ] test_activations avx2"
holds "[  SKIPPED ] test_activations avx512"
exit $failed
