#!/usr/bin/env bash
# The program as a user sees it: options, precedence, exit codes, streams. Usage: cli.sh PROGRAM TESTS_FOLDER SCRATCH_FOLDER
set -u
program=$1 data=$2 scratch=$3/cli
rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch" || exit 1
muse=$data/golden/preprocessing/muse_hum60
failures=0
# No test asks the network for a model.
export HF_HUB_OFFLINE=1

# run EXPECTED_EXIT_CODE ARGUMENT...: streams go to the files out and err
run() {
  local expected=$1
  shift
  "$program" "$@" >out 2>err
  local code=$?
  if [ "$code" != "$expected" ]; then
    echo "FAILED (line ${BASH_LINENO[0]}): exit $code, not $expected: $*"
    sed 's/^/  err: /' err
    failures=$((failures + 1))
  fi
}
holds() { # holds FILE TEXT
  if ! grep -qF -e "$2" "$1"; then
    echo "FAILED (line ${BASH_LINENO[0]}): '$2' is not in $1:"
    sed 's/^/  /' "$1"
    failures=$((failures + 1))
  fi
}
is() { # is WHAT ACTUAL EXPECTED
  if [ "$2" != "$3" ]; then
    echo "FAILED (line ${BASH_LINENO[0]}): $1 is '$2', not '$3'"
    failures=$((failures + 1))
  fi
}
one_line_error() {
  is "lines on stderr" "$(wc -l <err)" 1
  is "bytes on stdout" "$(wc -c <out)" 0
}
option_of() { # option_of KEY: what the newest run file says
  sed -n "s/^ *\"$1\": \(.*[^,]\),*$/\1/p" "$(ls -t outputs/*_run.json | head -1)" | head -1
}

# --- help, version
run 0 --version; holds out "deepecg "
run 0 --help
for option in mode data_path csv_file_name ecg_signals_path preprocessing_folder output_folder weights_folder use_efficientnet \
  use_wcr bert_model precision batch_size threads preprocessing_n_workers batch_records units predictions_only diagnosis_from_file \
  diagnosis_classifier_device signal_processing_device hugging_face_api_key_path config help version; do
  holds out "--$option"
done
holds out inspect; holds out SIGHUP
run 0 inspect --help; holds out "--json"
run 0 download --help; holds out "--from TAR"
run 0 bundle --help; holds out "--out TAR"

# --- mistakes: one line, what is wrong and what is allowed, exit 2
run 2 --data_pth x; one_line_error; holds err "did you mean 'data_path'"
run 2 --verison; one_line_error; holds err "did you mean 'version'"
run 2 --debug --data_path x; one_line_error; holds err "there is no option 'debug'"
run 2 --mode analyse --data_path x; one_line_error; holds err "full_run, preprocessing, analysis"
run 2 --use_wcr maybe --data_path x; one_line_error; holds err "True, False"
run 2 --batch_size 0 --data_path x; one_line_error; holds err "from 1 to 65536"
run 2 --batch_size 1.5 --data_path x; one_line_error
run 2 --signal_processing_device tpu --data_path x; one_line_error; holds err "cpu, cuda, cuda:N"
run 2 --diagnosis_classifier_device cuda: --data_path x; one_line_error
run 2 --bert_model other --data_path x; one_line_error; holds err "Bert_diagnosis2classification_En_Fr"
run 2 --precision fp16 --data_path x; one_line_error; holds err "one of fp32"
run 2 --data_path; one_line_error; holds err "wants a value"
run 2 --mode analysis; one_line_error; holds err "--data_path"
run 2 --data_path x stray; one_line_error; holds err "'stray' is not an option"
run 2 analysis; one_line_error; holds err "no command 'analysis'"
run 2 inspekt; one_line_error; holds err "did you mean 'inspect'"
run 2 inspect; one_line_error
run 2 inspect --json -dash.xml; one_line_error; holds err "no option '-d'"
run 2 --data_path x --config nowhere.config; one_line_error; holds err nowhere.config

# --- the reference's documented commands, as printed there
run 1 \
  --mode analysis \
  --data_path /nonexistent.csv \
  --output_folder "$scratch/o" \
  --preprocessing_folder "$scratch/p" \
  --hugging_face_api_key_path api_key.json \
  --use_wcr False \
  --use_efficientnet False \
  --ecg_signals_path /tmp
is "first line" "$(head -1 out)" "Errors encountered:"
holds out "/nonexistent.csv"
holds out "  ["
is "words of a traceback" "$(cat out err | grep -ci traceback)" 0

# A folder as it is right after ./quickstart; the script runs from there and from anywhere else.
root=$(cd "$data/.." && pwd)
mkdir -p house/build/release house/demo
cp -r "$root/run_pipeline.bash" "$root/heartwise.config" "$root/api_key.json" "$root/inputs" "$root/ecg_signals" house/
ln -s "$root/demo/weights" house/demo/weights
ln -s "$program" house/build/release/deepecg
pipeline_command() { # pipeline_command SCRIPT [OPTION ...]
  bash "$1" --mode full_run --csv_file_name data_rows_template.csv "${@:2}" >"$scratch/out" 2>"$scratch/err"
  is "exit code of $1" $? 0
  is "stdout of $1" "$(cat "$scratch/out")" ""
}
cd house && pipeline_command run_pipeline.bash
cd .. && pipeline_command house/run_pipeline.bash --use_efficientnet False
is "runs" "$(ls house/outputs/*_run.json | wc -l)" 2
is "probabilities" "$(ls house/outputs/efficientnetv2_*_probabilities.csv | wc -l)" 4
is "metrics" "$(ls house/outputs/efficientnetv2_*_lvef_40.json | wc -l)" 1
is "cleaned ECGs" "$(ls house/preprocessing | wc -l)" 7

# --- precedence: command line, environment, file, default
table=(--mode analysis --data_path "$muse/inputs/inputs.csv" --use_wcr False --use_efficientnet False)
run 1 "${table[@]}"; is "default batch size" "$(option_of batch_size)" 32
printf '# a comment\n\nbatch_size: 5\nmode: "analysis"\n' >heartwise.config
run 1 "${table[@]}"; is "batch size of the file" "$(option_of batch_size)" 5
DEEPECG_BATCH_SIZE=6 run 1 "${table[@]}"; is "batch size of the environment" "$(option_of batch_size)" 6
DEEPECG_BATCH_SIZE=6 run 1 "${table[@]}" --batch_size 7; is "batch size of the command line" "$(option_of batch_size)" 7
run 1 "${table[@]}" --batch_size=8; is "batch size with =" "$(option_of batch_size)" 8
printf 'batch_sise: 5\n' >heartwise.config
run 2 "${table[@]}"; one_line_error; holds err "heartwise.config:1"; holds err "did you mean 'batch_size'"
printf 'no colon\n' >heartwise.config
run 2 "${table[@]}"; one_line_error; holds err "heartwise.config:1"
printf 'use_wcr: 2\n' >heartwise.config
run 2 "${table[@]}"; holds err "heartwise.config:1: use_wcr"
rm heartwise.config
run 1 "${table[@]}"; holds out "both families of models are off"
holds "$(ls -t outputs/*_run.json | head -1)" "nothing was predicted — both families of models are off"
run 1 --mode analysis --data_path "$muse/inputs/inputs.csv" --preprocessing_folder nothing_cleaned --weights_folder "$data/golden/analysis/models"
holds out "a cleaned ECG in nothing_cleaned"
holds "$(ls -t outputs/*_run.json | head -1)" "a cleaned ECG in nothing_cleaned"
for yes in yes true T y 1; do
  run 1 "${table[@]}" --predictions_only="$yes"; is "predictions_only=$yes" "$(option_of predictions_only)" true
done
for no in No FALSE f n 0; do
  run 1 "${table[@]}" --predictions_only="$no"; is "predictions_only=$no" "$(option_of predictions_only)" false
done

# --- demo models are known by their results
mkdir -p demo_weights
echo "not for patients" >demo_weights/DEMO_MODELS_NOT_FOR_PATIENTS.txt
run 1 "${table[@]}" --weights_folder demo_weights --output_folder demo_outputs --quiet
holds err "demo_weights holds demo models"
is "notice" "$(cat demo_outputs/DEMO_MODELS_NOT_FOR_PATIENTS.txt)" "not for patients"
run 1 "${table[@]}" --quiet
is "warnings of demo models" "$(grep -c "demo models" err)" 0
is "notices of a run with other models" "$(find outputs -name 'DEMO*' | wc -l)" 0
mkdir -p taken/DEMO_MODELS_NOT_FOR_PATIENTS.txt
run 1 "${table[@]}" --weights_folder demo_weights --output_folder taken
is "results without their notice" "$(find taken -name '*.json' | wc -l)" 0

# --- devices
run 1 "${table[@]}" --signal_processing_device cuda:1 --diagnosis_classifier_device cuda
is "GPU notices" "$(grep -c GPU err)" 1

# --- records that fail alone don't change the exit code
damaged=$data/golden/preprocessing/damaged_npy/inputs
run 0 --mode preprocessing --data_path "$damaged/inputs.csv" --ecg_signals_path "$damaged" --quiet
is "stdout" "$(cat out)" ""

# --- a file that may not be read fails alone too (root may read everything: be somebody else)
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  mkdir -p locked && chmod 777 locked
  cp "$muse/inputs/ecg_000.xml" "$muse/inputs/ecg_001.xml" locked/
  chmod 000 locked/ecg_001.xml
  printf 'afib_5y,afib_ecg_file_name\n1,ecg_000.xml\n0,ecg_001.xml\n' >locked/table.csv
  setpriv --reuid=65534 --regid=65534 --clear-groups "$program" --mode preprocessing --data_path locked/table.csv \
    --ecg_signals_path locked --output_folder locked/o --preprocessing_folder locked/p >out 2>err
  is "exit code" $? 0
  holds locked/o/batch_1/ecg_processing_detailed_report.csv "Permission denied"
  mkdir -p readonly && chmod 755 readonly
  setpriv --reuid=65534 --regid=65534 --clear-groups "$program" --mode preprocessing --data_path locked/table.csv \
    --ecg_signals_path locked --output_folder readonly/o --preprocessing_folder locked/p >out 2>err
  is "exit code" $? 1
  holds out "readonly/o"
  mkdir -p readonly/there
  setpriv --reuid=65534 --regid=65534 --clear-groups "$program" --mode preprocessing --data_path locked/table.csv \
    --ecg_signals_path locked --output_folder readonly/there --preprocessing_folder locked/p >out 2>err
  is "exit code" $? 1
  holds out "readonly/there: cannot be written to: Permission denied"
  is "lines of a summary of nothing" "$(grep -c 'cleaned into' err)" 0
else
  echo "NOT RUN: permission tests (they need root and setpriv)"
fi

# --- a file system that is full after two cleaned ECGs (mounted where nobody else sees it)
if [ "$(id -u)" = 0 ] && unshare -m mount -t tmpfs none "$scratch/house" 2>/dev/null; then
  mkdir -p small
  unshare -m bash -c "mount -t tmpfs -o size=400k none small && '$program' --mode preprocessing \
    --data_path '$muse/inputs/inputs.csv' --ecg_signals_path '$muse/inputs' --preprocessing_folder small/p --quiet >out 2>err
    echo \$? >code; ls -A small/p >listing; stat -c %s small/p/* >sizes"
  is "exit code" "$(cat code)" 1
  holds out "10 cleaned ECGs could not be written"
  holds out "No space left on device"
  is "cleaned ECGs" "$(wc -l <listing)" 2
  is "their sizes" "$(sort -u sizes)" 160000
else
  echo "NOT RUN: full file system (it needs root that may mount)"
fi

# --- killed in the middle: what is there is whole; interrupted: it says so and tidies up
run 0 synth --out many --count 1 --format npy --rate 250 --quiet
tee many/r{1..900}.npy <many/ecg_000000.npy >/dev/null
{ echo lvef_40,lvef_40_ecg_file_name; printf '0,%s\n' r{1..900}.npy; } >many/table.csv
many=(--mode preprocessing --data_path many/table.csv --ecg_signals_path many --threads 1)
stop_in_the_middle() { # stop_in_the_middle SIGNAL FOLDER: sends it once ten cleaned ECGs are there
  "$program" "${many[@]}" --preprocessing_folder "$2" --output_folder "$2.o" >out 2>err &
  while kill -0 $! 2>/dev/null && [ "$(ls "$2" 2>/dev/null | wc -l)" -lt 10 ]; do :; done
  kill "-$1" $!
  wait $! 2>/dev/null
  code=$?
  is "some are cleaned, not all ($1)" "$([ "$(ls "$2" | wc -l)" -lt 900 ] && echo yes)" yes
  is "sizes ($1)" "$(find "$2" -name '*.base64' -printf '%s\n' | sort -u)" 160000
}
stop_in_the_middle KILL killed
is "exit code" "$code" 137
stop_in_the_middle INT stopped
is "exit code" "$code" 1
holds out "Errors encountered:"
holds out "interrupted"
is "files that don't belong" "$(find stopped stopped.o -type f ! -name '*.base64' ! -name '*_run.json')" ""
stop_in_the_middle TERM ended
is "exit code" "$code" 1
stop_in_the_middle HUP hung_up
is "exit code" "$code" 1
# Under nohup a terminal may go.
nohup "$program" "${many[@]}" --preprocessing_folder nohup --output_folder nohup.o >out 2>err &
while [ "$(ls nohup 2>/dev/null | wc -l)" -lt 10 ]; do :; done
kill -HUP $!
wait $!
is "exit code under nohup" $? 0
is "claims of the killed run" "$(find killed.o -name '.deepecg-*.run' | wc -l)" 1
# A run that lives (stopped for the time being) keeps its claim, the killed one's goes.
"$program" "${many[@]}" --preprocessing_folder sleeping --output_folder killed.o >out 2>err &
while [ "$(ls sleeping 2>/dev/null | wc -l)" -lt 10 ]; do :; done
kill -STOP $!
run 0 "${many[@]}" --preprocessing_folder killed --output_folder killed.o --quiet
is "cleaned by the next run" "$(ls killed | wc -l)" 900
is "temporary files of cleaned ECGs" "$(find killed -name '.deepecg-*')" ""
is "claims beside a living run" "$(find killed.o -name '.deepecg-*.run' | wc -l)" 1
kill -CONT $!
wait $!
is "exit code of the living run" $? 0
is "claims after all of them" "$(find killed.o -name '.deepecg-*')" ""

# Interrupted once the first model is done: its files are whole, those of the last one are not there.
{ echo lvef_40,lvef_40_ecg_file_name,lvef_50,lvef_50_ecg_file_name; printf '%s,r%s.npy,%s,r%s.npy\n' $(for i in {1..900}; do echo $((i % 2)) $i $((i % 2)) $i; done); } >many/two.csv
"$program" --mode analysis --data_path many/two.csv --preprocessing_folder killed --output_folder models.o --use_efficientnet False \
  --weights_folder "$data/golden/analysis/models" >out 2>err &
while kill -0 $! 2>/dev/null && ! ls models.o/*lvef_40_probabilities.csv >/dev/null 2>&1; do :; done
kill -INT $!
wait $!
is "exit code" $? 1
holds out "interrupted"
holds "$(ls models.o/*_run.json)" "interrupted"
is "rows of the first model" "$(cat models.o/wcr_lvef_equal_under_40_*_probabilities.csv | wc -l)" 901
is "its metrics" "$(ls models.o/wcr_lvef_equal_under_40_*_lvef_40.json models.o/wcr_lvef_equal_under_40_*_lvef_40.csv | wc -l)" 2
is "files of the last model" "$(find models.o -name 'wcr_lvef_under_50*')" ""
is "temporary files" "$(find models.o -name '.deepecg-*')" ""

# --- synth
run 2 synth; one_line_error; holds err "--out"
run 2 synth --out made --format dicom; one_line_error; holds err "muse, cardiosoft, npy, mixed"
run 2 synth --out made --count 0; one_line_error; holds err "from 1 to 1000000"
run 0 synth --out made --count 5 --seed 3 --format mixed --truth --quiet
is "files made" "$(ls made | wc -l)" 7
cp -r made first
run 0 synth --out made --count 5 --seed 3 --format mixed --truth --quiet --threads 1
"$program" synth --out unended --count 1000000 --quiet >out 2>err &
while [ "$(ls unended 2>/dev/null | wc -l)" -lt 10 ]; do :; done
kill -INT $!
wait $!
is "exit code" $? 4
holds err "interrupted: "
is "what else is there" "$(ls -A unended | grep -v '^ecg_[0-9]*.xml$')" ""
is "the second set" "$(diff -r made first && echo the same)" "the same"
run 0 --mode preprocessing --data_path made/table.csv --ecg_signals_path made --preprocessing_folder made_clean --quiet
is "cleaned ECGs" "$(ls made_clean | wc -l)" 5

# --- predict
models=(--weights_folder "$data/golden/analysis/models")
run 2 predict; one_line_error
run 2 predict made/ecg_000000.xml --models resnet; one_line_error; holds err "efficientnetv2_afib_5y"
run 3 predict made/ecg_000000.xml --weights_folder made; one_line_error; holds err "wcr_77_classes"
run 3 predict made/ecg_000000.xml --weights_folder maid; one_line_error; holds err "maid: no model is there: No such file or directory"
run 3 drift made --precision fp32 --weights_folder made/table.csv; one_line_error; holds err "no model is there: Not a directory"
run 4 predict made/table.csv absent.xml "${models[@]}"; holds err made/table.csv; holds err absent.xml
run 0 predict made/ecg_000000.xml "${models[@]}"
holds out "GE MUSE XML, 500 Hz, 10 s"; holds out "AF within 5 years"; holds out "Rhythm Disorders"
cp out from_file
run 0 predict - "${models[@]}" <made/ecg_000000.xml
is "lines that differ for standard input" "$(diff from_file out | grep -c '^>')" 1
run 1 predict made/ecg_000000.xml absent.xml "${models[@]}" --json --models lvef_40
holds out '"cleaned_together": 1'; holds out '"efficientnetv2_lvef_equal_under_40"'; holds out '"problem"'
mkdir -p swapped/efficientnetv2_afib_5y
cp "$data"/golden/analysis/models/wcr_afib_5y/*.pt swapped/efficientnetv2_afib_5y
run 3 predict made/ecg_000000.xml --weights_folder swapped; holds err "a model of the other family?"
run 3 check made/table.csv --ecg_signals_path made --weights_folder swapped; holds out "a model of the other family?"
run 1 --data_path made/table.csv --ecg_signals_path made --weights_folder swapped --use_wcr False --output_folder swapped --quiet
holds out "a model of the other family?"
run 0 predict made/ecg_000000.xml made/ecg_000001.xml --models lvef_40,afib_5y "${models[@]}" --all
holds err "cleaned together"
is "escape sequences" "$(grep -c "$(printf '\033')" out)" 0
# What a file says must not drive the terminal.
sed -E 's#</(StmtText|AcquisitionDevice)>#\&\#x9b;2J&#' made/ecg_000000.xml >escape.xml
run 0 predict escape.xml "${models[@]}" --models afib_5y; holds out "??2J"
run 0 inspect escape.xml; holds out "??2J"

# Names that break lines or are not UTF-8.
newline=$'made_names/a\nb.xml' bytes=$'made_names/\xff.xml' long=$(printf 'd/%.0s' {1..800})x.xml
mkdir -p made_names && cp made/ecg_000000.xml "$newline" && cp made/ecg_000000.xml "$bytes"
run 0 inspect "$newline"; holds out "made_names/a?b.xml"
run 0 inspect "$bytes" --json; holds out 'made_names/?.xml'
run 0 predict "$bytes" --json "${models[@]}" --models afib_5y; holds out 'made_names/?.xml'
run 0 inspect "${models[1]}/wcr_afib_5y" --json; holds out '"file": '
run 4 inspect "$long"; one_line_error; holds err ": No such file or directory"
# Names that are empty, a file for a folder, a folder for a file, nothing for a configuration.
run 2 inspect ""; one_line_error; holds err "name 1 is empty"
run 2 predict made/ecg_000000.xml --weights_folder ""; one_line_error; holds err "--weights_folder: a folder's name is empty"
run 1 --data_path made/table.csv --ecg_signals_path made --output_folder made/table.csv "${models[@]}"; holds out "made/table.csv: is there, but not a folder"
ln -sfn itself itself
run 4 synth --out itself --count 1; holds err "itself: cannot make this folder: Too many levels of symbolic links"
run 1 --data_path made/table.csv --ecg_signals_path maid "${models[@]}" --quiet; holds out "none of the table's ECG files is there: maid: No such file"
run 1 --data_path made/table.csv --ecg_signals_path made/table.csv "${models[@]}" --quiet; holds out "made/table.csv is not a folder"
run 0 predict made/ecg_000000.xml --config /dev/null "${models[@]}" --models afib_5y
run 0 predict made/ecg_000000.xml --config <(echo models: afib_5y) "${models[@]}"; is "models" "$(grep -c LVEF out)" 0
run 2 predict made/ecg_000000.xml --config made "${models[@]}"; one_line_error; holds err "made: is a folder"
run 2 predict made/ecg_000000.xml --config /dev/zero "${models[@]}"; one_line_error

# --- precision: an error that says what is lacking, wherever networks run
for command in "--data_path x" "predict x" "check x" "drift x" "bench x"; do
  DEEPECG_CPU=generic run 2 $command --precision bf16; one_line_error; holds err "--precision: "
done
if "$program" bench x --precision bf16 2>err; [ $? = 2 ]; then
  echo "NOT RUN: $(cat err)"
else
  run 0 predict made/ecg_000000.xml "${models[@]}" --precision bf16
  DEEPECG_PRECISION=bf16 run 0 --data_path made/table.csv --ecg_signals_path made "${models[@]}" --quiet
  is "precision of the run" "$(option_of precision)" '"bf16"'
  holds "$(ls -t outputs/*_run.json | head -1)" avx512bf16
fi

# --- drift
run 2 drift; one_line_error
run 2 drift --precision fp16 made; one_line_error; holds err "fp32, bf16"
echo "precision: fp32" >fp32.config # the run's; of drift it would make a comparison of fp32 with itself
DEEPECG_CPU=generic run 2 drift made "${models[@]}" --config fp32.config; one_line_error; holds err "--precision: "
DEEPECG_CPU=generic DEEPECG_PRECISION=fp32 run 2 drift made "${models[@]}"; one_line_error; holds err "--precision: "
run 2 drift --precision fp32 made/table.csv made/ecg_000000.xml "${models[@]}"; one_line_error; holds err "stands alone"
run 3 drift --precision fp32 made --weights_folder made; one_line_error
run 4 drift --precision fp32 absent.xml absent.csv.xml "${models[@]}"; holds err absent.xml
run 0 drift --precision fp32 made/table.csv --ecg_signals_path made "${models[@]}"
holds out "wcr_77_classes"; holds out "0.00e+00"
is "models with a difference" "$(grep -c '[1-9]e-' out)" 0
run 1 drift --precision fp32 made "${models[@]}" --json --models afib_5y
holds out '"changed_calls": 0'; holds out '"failed": 2'; holds out made/table.csv
# What isn't there takes no part, and is named.
mkdir -p some_models
ln -sfn "$data"/golden/analysis/models/*afib_5y some_models/
run 0 drift --precision fp32 made/table.csv --ecg_signals_path made --weights_folder some_models
is "models compared" "$(grep -c '0.00e+00  0.00e+00' out)" 2
holds err "fp32 with fp32: wcr_afib_5y, efficientnetv2_afib_5y"; holds err "Bert_diagnosis2classification_En_Fr: not in some_models"
run 1 drift --precision fp32 made/table.csv --ecg_signals_path made --weights_folder some_models --models lvef_40,wcr_afib_5y
holds err "efficientnetv2_lvef_equal_under_40: not compared"
run 3 drift --precision fp32 made/ecg_000000.xml --weights_folder some_models --models lvef_40
holds out "no model could be compared"; is "heads of an empty table" "$(grep -c "changed calls" out)" 0
run 0 drift --precision fp32 made_clean --cleaned "${models[@]}" --models lvef_40; holds out "on 5 ECGs"

# --- plot
run 2 plot; one_line_error
run 2 plot made/ecg_000000.xml; one_line_error; holds err "--out"
run 2 plot made/ecg_000000.xml -o picture.bmp; one_line_error; holds err ".svg, .pdf or .png"
run 2 plot made/ecg_000000.xml made/ecg_000001.xml -o picture.png; one_line_error
run 4 plot made/table.csv -o picture.png; one_line_error; holds err made/table.csv
run 4 plot made/ecg_000000.xml -o nowhere/picture.png; one_line_error; holds err nowhere
is "picture" "$(ls picture.* 2>/dev/null)" ""
for ending in svg pdf PNG; do
  run 0 plot made/ecg_000000.xml -o "picture.$ending" --cleaned
done
is "start of the PDF" "$(head -c 5 picture.pdf)" "%PDF-"
holds picture.svg "<svg"

# --- manual pages and completion, made when the program is built
manual=$(dirname "$program")/manual
holds "$manual/deepecg.1" '\-\-batch_records \fIN\fR'
holds "$manual/deepecg-plot.1" '\-o, \-\-out'
holds "$manual/deepecg-drift.1" 'option but \-\-precision can be set by a variable'
holds "$manual/deepecg-drift.1" 'DEEPECG_ECG_SIGNALS_PATH for'
complete_words() { # complete_words WORD...: what bash offers for the last one
  # shellcheck disable=SC1091
  bash -c '. "$0/deepecg.bash"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _deepecg; echo "${COMPREPLY[@]}"' "$manual" "$@"
}
is "completion of a mode" "$(complete_words deepecg --mode ana)" "analysis"
is "completion of an option" "$(complete_words deepecg --batch_r)" "--batch_records"
is "completion of a command" "$(complete_words deepecg insp)" "inspect"
is "completion in a command" "$(complete_words deepecg synth --format car)" "cardiosoft"
is "completion of files" "$(complete_words deepecg plot made/ecg_000004)" "made/ecg_000004.xml"

# --- extract
dicom=$data/fixtures/dicom
run 0 extract --help; holds out "or it was interrupted: no table"
run 2 extract; one_line_error; holds err "--dicom"
run 2 extract --dicom "$dicom"; one_line_error; holds err "--out"
run 2 extract --dicom nowhere --out arrays; one_line_error; holds err "no folder 'nowhere'"
run 2 extract --dicom "$dicom" --outt arrays; one_line_error; holds err "did you mean 'out'"
run 1 extract --dicom "$dicom" --out arrays; holds err "extract_report.csv says which and why"
is "bytes on stdout" "$(wc -c <out)" 0
is "arrays" "$(ls arrays/*.npy | wc -l)" 3
grep -qE 'Never|SECRET|19010203' -r arrays out err && { echo "FAILED: patient data"; failures=$((failures + 1)); }
mkdir dicom && cp "$dicom/ten_seconds.dcm" "$dicom/image.dcm" dicom
run 0 extract --dicom dicom --out arrays2 --threads 1 --quiet; is "stderr" "$(cat err)" ""
run 0 --mode preprocessing --data_path arrays2/table.csv --ecg_signals_path arrays2 --preprocessing_folder arrays2_clean --quiet
is "cleaned ECGs" "$(ls arrays2_clean)" "ecg_signal_0.base64"
rm dicom/ten_seconds.dcm
run 4 extract --dicom dicom --out arrays3

# --- bench
small=$data/golden/analysis/models
run 2 bench; one_line_error
run 0 bench "$small/efficientnetv2_afib_5y" --batch 2 --seconds 0.01; holds out "ms per ECG"
run 0 bench "$small/Bert_diagnosis2classification_En_Fr" --batch 3 --tokens 7 --seconds 0.01 --json; holds out '"variant":'
head -c 240000 /dev/zero >signals
run 0 bench "$small/Bert_diagnosis2classification_En_Fr" --batch 5 --tokens 7,12-14 --threads 2 --seconds 0.01; holds out "ms per text"
for tokens in "" x 2 513 12- 14-12 7,,8 7, 99999999999999999999 3-512,3-512; do
  run 2 bench "$small/Bert_diagnosis2classification_En_Fr" --tokens "$tokens"; one_line_error; holds err "--tokens"
done
run 0 bench "$small/efficientnetv2_77_classes" --batch 2 --once --input signals --output logits
is "bytes of logits" "$(wc -c <logits)" $((2 * 77 * 4))
is "bytes on stdout" "$(wc -c <out)" 0
run 0 bench "$small/efficientnetv2_77_classes" --batch 1 --once --json; holds out '"open_seconds":'; holds out '"peak_bytes":'
run 4 bench "$small/efficientnetv2_77_classes" --batch 3 --once --input signals; one_line_error; holds err "float32 (3, 12, 2500)"
printf 'one\ntwo\n' >texts
run 0 bench "$small/Bert_diagnosis2classification_En_Fr" --batch 2 --once --input texts --output logits
is "bytes of logits" "$(wc -c <logits)" $((2 * 77 * 4))
run 4 bench "$small/Bert_diagnosis2classification_En_Fr" --batch 3 --once --input texts; one_line_error; holds err "2 lines"
run 4 bench garbage.pt; one_line_error; holds err garbage.pt

run 0 predict made/ecg_000000.xml --weights_folder "$data/../demo/weights" --models afib_5y --quiet
holds err "means nothing for a patient"; holds out "means nothing for a patient"
run 0 predict made/ecg_000000.xml --weights_folder "$data/../demo/weights" --models afib_5y --json; holds out '"demo_models": true'

# --- check
damaged=$data/golden/preprocessing/damaged_npy/inputs
run 2 check; one_line_error
run 2 check a.csv b.csv; one_line_error
run 4 check absent.csv; one_line_error; holds err absent.csv
run 0 check made/table.csv --ecg_signals_path made "${models[@]}"
holds out "5 rows name 5 ECG files that exist and 0 that don't"; holds out "2 x GE MUSE XML, 500 Hz, 5000 samples"
is "models" "$(grep -c ' for ' out)" 9
run 1 check "$damaged/inputs.csv" --ecg_signals_path "$damaged" "${models[@]}" --use_wcr False --json
holds out '"missing": 12'; holds out '"unusable": 11'; holds out 'Contains NaN values'
run 3 check made/table.csv --ecg_signals_path made --weights_folder made; holds out "the model is not there"
run 4 check made/table.csv --ecg_signals_path nowhere "${models[@]}"; holds out "0 ECG files that exist"
mkdir -p twice/a twice/b && cp made/ecg_000000.xml twice/a/x.xml && cp made/ecg_000003.xml twice/b/x.xml
printf 'afib_5y,afib_ecg_file_name\n1,a/x.xml\n0,b/x.xml\n' >twice/table.csv
run 1 check twice/table.csv --ecg_signals_path twice "${models[@]}"; holds out "1 would fail: another file has the same name"

# As many kinds of files as are told apart: the last is none of "others". What a table says cannot drive the terminal.
mkdir -p kinds && printf 'afib_5y,afib_ecg_file_name\n' >kinds/table.csv
for k in {1..12} 13; do
  header="{'descr': '|i1', 'fortran_order': False, 'shape': ($((k < 13 ? 2500 * k : 30000)), 12), }"
  { printf '\x93NUMPY\x01\x00'"\\x$(printf %02x ${#header})"'\x00%s' "$header"; head -c $((k < 13 ? 30000 * k : 360000)) /dev/zero; } >kinds/$k.npy
  echo "1,$k.npy" >>kinds/table.csv
done
printf '1,gone\033[2J.npy\n' >>kinds/table.csv
run 1 check kinds/table.csv --ecg_signals_path kinds "${models[@]}" --use_wcr False
holds out "2 x NumPy array, 30000 samples"; holds out "1 x NumPy array, 2500 samples"; holds out "gone?[2J.npy"
# Rows without a label count where the run keeps them.
printf 'lvef_40,lvef_40_ecg_file_name\n1,1.npy\n,2.npy\n' >kinds/labels.csv
run 0 check kinds/labels.csv --ecg_signals_path kinds "${models[@]}" --use_wcr False; holds out " for 1"
run 0 check kinds/labels.csv --ecg_signals_path kinds "${models[@]}" --use_wcr False --predictions_only; holds out " for 2"
# check and predict take what matters to them from the pipeline's configuration file.
printf 'batch_size: 5\nmode: analysis\nweights_folder: %s\necg_signals_path: made\n' "$data/golden/analysis/models" >heartwise.config
run 0 check made/table.csv; holds out "5 rows name 5 ECG files that exist and 0 that don't"
run 0 predict made/ecg_000000.xml; holds out "AF within 5 years"
run 3 predict made/ecg_000000.xml --weights_folder made; one_line_error
run 2 check made/table.csv --config nowhere.config; one_line_error
printf 'wieghts_folder: x\n' >heartwise.config
run 2 predict made/ecg_000000.xml; one_line_error; holds err "heartwise.config:1"; holds err "did you mean 'weights_folder'"
rm heartwise.config
rm -f kinds/13.npy && cp made/ecg_000000.xml kinds/13.npy
run 1 check kinds/table.csv --ecg_signals_path kinds "${models[@]}" --use_wcr False
holds out "2 x others"

# --- selftest: all kernels that this machine can run
for variant in generic avx2 avx512; do
  if DEEPECG_CPU=$variant "$program" selftest >out 2>&1; then
    is "stages that are right" "$(grep -c ' OK ' out)" 6
    holds out "$variant kernels"
  elif grep -q "lacks the instructions" out; then
    echo "NOT RUN: selftest with DEEPECG_CPU=$variant"
  else
    echo "FAILED (line $LINENO): selftest with DEEPECG_CPU=$variant"
    cat out
    failures=$((failures + 1))
  fi
done
TMPDIR=/nonexistent run 1 selftest; holds out "/nonexistent"

# --- the demo models know synthetic ECGs that they never saw
run 0 synth --out unseen --count 60 --seed 777 --format mixed --quiet
run 0 --data_path unseen/table.csv --ecg_signals_path unseen --weights_folder "$data/../demo/weights" \
  --preprocessing_folder unseen_clean --output_folder unseen_outputs --quiet
for model in efficientnetv2 wcr; do
  for task in afib_5y lvef_40 lvef_50; do
    auc=$(sed -n 's/.*"auc": \([0-9.]*\).*/\1/p' unseen_outputs/"$model"_*_"$task".json)
    is "an AUC over 0.9 of $model, $task" "$(awk -v auc="$auc" 'BEGIN { print (auc > 0.9) }')" 1
  done
  rhythm=$(sed -n '/"Rhythm Disorders"/,/}/s/.*"micro_auc": \([0-9.]*\).*/\1/p' unseen_outputs/"$model"_77_classes_*.json)
  is "a micro AUC over 0.9 of $model, rhythm" "$(awk -v auc="$rhythm" 'BEGIN { print (auc > 0.9) }')" 1
done

# --- output that cannot be written is no success
if [ -w /dev/full ]; then
  "$program" --help >/dev/full 2>err
  is "exit code of --help into a full disk" $? 1
fi

# --- a stream that is closed does not become the number of a file that messages are then written into
mkfifo held
"$program" predict - "${models[@]}" >&- 2>&- <held &
reader=$!
exec 9>held
for _ in $(seq 50); do
  [ "$(readlink "/proc/$reader/fd/2")" = /dev/null ] && break
  sleep 0.1
done
is "a closed standard error" "$(readlink "/proc/$reader/fd/2")" /dev/null
exec 9>&-
wait "$reader"

# --- inspect
run 0 inspect "$data/golden/analysis/models/efficientnetv2_afib_5y"; holds out TorchScript; holds out parameters
run 0 inspect --json "$data/golden/analysis/models/efficientnetv2_afib_5y"; holds out '"kind": "TorchScript"'
run 0 inspect made/ecg_000000.xml "$data/fixtures/dicom/ten_seconds.dcm"; holds out "ECG, GE MUSE XML"; holds out "ECG, DICOM waveform"
run 0 inspect --json made/ecg_000002.npy; holds out '"kind": "ECG"'; holds out '"microvolts_per_unit": null'
run 1 inspect made/ecg_000000.xml nowhere.xml; holds err nowhere.xml
run 0 inspect "$data/golden/analysis/models/wcr_77_classes"; holds out fairseq; holds out "encoder_embed_dim 48"
run 0 inspect "$data/golden/analysis/models/Bert_diagnosis2classification_En_Fr"; holds out "Hugging Face BERT"; holds out "vocab_size 584"
echo garbage >garbage.pt
run 4 inspect garbage.pt; one_line_error; holds err garbage.pt
echo "just a text" > note.txt; ln -sf nowhere dangling.pt
run 4 inspect note.txt; one_line_error; holds err "no ECG of a known format; as a model: note.txt"
run 4 inspect dangling.pt; one_line_error; holds err "dangling.pt: No such file"

[ "$failures" = 0 ] || { echo "$failures failed"; exit 1; }
echo "all of it holds"
