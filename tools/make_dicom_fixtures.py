#!/usr/bin/env python3
"""Writes tests/fixtures/dicom/: small DICOM waveform objects made by pydicom, one per transfer syntax, bit width and habit of
writers, each with NAME.f32 beside it: float32 little-endian, lead-major, microvolts, NaN for leads that the file lacks.

Needs pydicom 3 and numpy. Expected values are what pydicom decodes (stored * sensitivity * correction + baseline), but for the
files that it is known to decode otherwise; those are written here. The same bytes every time.
"""

import argparse
import io
import pathlib

import numpy as np
import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_sequence
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
EIGHT = ["I", "II", "V1", "V2", "V3", "V4", "V5", "V6"]
NUMBERS = {
    "I": 1,
    "II": 2,
    "III": 61,
    "aVR": 62,
    "aVL": 63,
    "aVF": 64,
    "V1": 3,
    "V2": 4,
    "V3": 5,
    "V4": 6,
    "V5": 7,
    "V6": 8,
}
NAMES = dict(
    {lead: f"Lead {lead}" for lead in LEADS},
    I="Lead I (Einthoven)",
    aVR="aVR, augmented voltage, right",
    aVL="aVL, augmented voltage, left",
    aVF="aVF, augmented voltage, foot",
)
DTYPES = {"SB": "i1", "UB": "u1", "SS": "i2", "US": "u2", "SL": "i4", "UL": "u4"}
TWELVE_LEAD = "1.2.840.10008.5.1.4.1.1.9.1.1"
ROOT = "1.2.826.0.1.3680043.10.1000"


def counts(lead, samples, rate=500, height=200):
    """A made-up heart: a spike and a slow wave each second, another for every lead. Whole numbers."""
    t = np.arange(samples) / rate % 1.0
    k = LEADS.index(lead) if lead in LEADS else 12
    wave = np.exp(-(((t - 0.06) / 0.012) ** 2)) * (1 - 0.13 * k) + 0.2 * np.exp(-(((t - 0.3) / 0.05) ** 2))
    return np.round(height * wave + k - 5).astype(np.int64)


def mdc(lead):
    return f"2:{NUMBERS[lead]}", "MDC", NAMES[lead]


def scpecg(lead):
    number = {**NUMBERS, "V3R": 11}[lead]
    return f"5.6.3-9-{number}", "SCPECG", "Lead"


def local(lead):
    return f"L{LEADS.index(lead)}", "99LOCAL", NAMES[lead]


def code(value, scheme, meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def channel(lead, source, sensitivity="4.88", correction="1", baseline="0", unit="uV", stored=16):
    item = Dataset()
    item.ChannelSourceSequence = Sequence([code(*source(lead))])
    if sensitivity is not None:
        item.ChannelSensitivity = sensitivity
        item.ChannelSensitivityUnitsSequence = Sequence([code(unit, "UCUM", unit)])
        if correction is not None:
            item.ChannelSensitivityCorrectionFactor = correction
        item.ChannelBaseline = baseline
    item.WaveformBitsStored = stored
    return item


def group(
    leads,
    values,
    source=mdc,
    kind="SS",
    rate="500",
    label="RHYTHM",
    originality="ORIGINAL",
    settings=None,
    big=False,
    **rest,
):
    """values[i]: the stored numbers of channel i. settings: {lead: arguments of channel()}."""
    item = Dataset()
    item.WaveformOriginality = originality
    item.NumberOfWaveformChannels = len(leads)
    item.NumberOfWaveformSamples = len(values[0])
    item.SamplingFrequency = rate
    item.MultiplexGroupLabel = label
    item.ChannelDefinitionSequence = Sequence(
        channel(lead, source, **{**rest, **(settings or {}).get(lead, {})}) for lead in leads
    )
    dtype = np.dtype(DTYPES[kind])
    item.WaveformBitsAllocated = dtype.itemsize * 8
    item.WaveformSampleInterpretation = kind
    data = np.stack(values, axis=1).astype(dtype.newbyteorder(">" if big else "<")).tobytes()
    item.add(DataElement("WaveformData", "OB" if dtype.itemsize == 1 else "OW", data + b"\0" * (len(data) % 2)))
    return item


def annotation(text):
    item = Dataset()
    item.AnnotationGroupNumber = 0
    item.UnformattedTextValue = text
    return item


def waveform_object(groups, statements=(), character_set=None, acquired="20240229101112.5"):
    ds = Dataset()
    if character_set:
        ds.SpecificCharacterSet = character_set
    ds.SOPClassUID = TWELVE_LEAD
    ds.SOPInstanceUID = ROOT + ".1"
    if acquired:
        ds.AcquisitionDateTime = acquired
    ds.ContentDate, ds.ContentTime = "20240301", "080910"
    ds.Modality = "ECG"
    ds.Manufacturer, ds.ManufacturerModelName = "Maker", "Model 7"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "Never^Shown", "SECRET-ID-1", "19010203"
    if statements:
        ds.WaveformAnnotationSequence = Sequence([annotation(text) for text in statements])
    ds.WaveformSequence = Sequence(groups)
    return ds


def undefined_lengths(ds):
    for element in ds:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
                undefined_lengths(item)


def encode(ds, syntax=ExplicitVRLittleEndian, preamble=True, meta=True):
    out = io.BytesIO()
    if meta:
        file_meta = FileMetaDataset()
        file_meta.MediaStorageSOPClassUID, file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
        file_meta.TransferSyntaxUID = syntax
        file_meta.ImplementationClassUID = ROOT
        whole = FileDataset(None, ds, preamble=b"\0" * 128, file_meta=file_meta)
        pydicom.dcmwrite(out, whole, enforce_file_format=True)
        return out.getvalue() if preamble else out.getvalue()[132:]
    pydicom.dcmwrite(out, ds, implicit_vr=syntax.is_implicit_VR, little_endian=True)
    return out.getvalue()


def decode(data, index=0):
    """pydicom's microvolts of one group."""
    ds = pydicom.dcmread(io.BytesIO(data), force=True)
    item = ds.WaveformSequence[index]
    array = np.asarray(ds.waveform_array(index), dtype=np.float64)
    result = {}
    for i, definition in enumerate(item.ChannelDefinitionSequence):
        source = definition.ChannelSourceSequence[0]
        number = source.CodeValue.replace("-", ":").split(":")[-1]
        lead = next((l for l in LEADS if str(NUMBERS[l]) == number or NAMES[l] == source.CodeMeaning), None)
        units = definition.get("ChannelSensitivityUnitsSequence")
        factor = {"uV": 1, "mV": 1000}[units[0].CodeValue] if units else 1
        if lead:
            result[lead] = array[:, i] * factor
    return result


def all_leads(leads, samples=60, **rest):
    return [counts(lead, samples, **rest) for lead in leads]


def cases():
    """Yields name, bytes, {lead: microvolts} or None for pydicom's."""
    statements = ["12 LEAD REPORT", "Rythme sinusal élevé", "  Sinus\r\n rhythm ", "", "Abnormal report"]
    median = group(LEADS, all_leads(LEADS, 90), label="MEDIAN BEAT", originality="DERIVED")
    rhythm = group(LEADS, all_leads(LEADS), sensitivity="1", correction="4.88")
    data = encode(waveform_object([median, rhythm], statements, "ISO_IR 100"))
    yield "explicit_ss16", data, decode(data, 1)

    order = ["V6", "V3R", "V5", "V4", "V3", "V2", "V1", "II", "I"]
    offset = {"V3": {"baseline": "0.25"}}
    ds = waveform_object(
        [group(order, all_leads(order), scpecg, sensitivity="0.00122", unit="mV", settings=offset)], acquired=None
    )
    undefined_lengths(ds)
    yield "implicit_ss16", encode(ds, ImplicitVRLittleEndian), None

    ds = waveform_object([group(EIGHT, all_leads(EIGHT), sensitivity="2.5")], ["窦性心律"], "ISO_IR 192")
    yield "deflated_ss16", encode(ds, DeflatedExplicitVRLittleEndian), None
    undefined_lengths(ds)
    yield "explicit_undefined", encode(ds), None
    little = decode(
        encode(waveform_object([group(EIGHT, all_leads(EIGHT))]))
    )  # pydicom takes the samples for little-endian
    yield "big_endian_ss16", encode(
        waveform_object([group(EIGHT, all_leads(EIGHT), big=True)]), ExplicitVRBigEndian
    ), little

    small = {"height": 100}
    yield "explicit_sb8", encode(
        waveform_object([group(EIGHT, all_leads(EIGHT, 61, **small), kind="SB", sensitivity="10", stored=8)])
    ), None
    raised = [v + 64 for v in all_leads(EIGHT, **small)]
    yield "explicit_ub8", encode(
        waveform_object([group(EIGHT, raised, kind="UB", sensitivity="10", baseline="-640", stored=8)])
    ), None
    raised = [v + 40000 for v in all_leads(EIGHT)]
    yield "explicit_us16", encode(
        waveform_object([group(EIGHT, raised, kind="US", sensitivity="2", baseline="-80000")])
    ), None
    large = [v * 100000 for v in all_leads(EIGHT)]
    yield "explicit_sl32", encode(
        waveform_object([group(EIGHT, large, kind="SL", sensitivity="0.00005", stored=32)])
    ), None
    large = [v * 10000 + 2**31 for v in all_leads(EIGHT)]
    yield "explicit_ul32", encode(
        waveform_object([group(EIGHT, large, kind="UL", sensitivity="0.0005", baseline="-1073741.824", stored=32)])
    ), None

    plain = all_leads(EIGHT)
    cut = [v & 0xFFF for v in plain]  # no sign in the upper four bits
    cut[1][7], plain[1][7] = 0x800, plain[1][6]
    ds = waveform_object([group(EIGHT, cut, stored=12)])
    ds.WaveformSequence[0].add(DataElement("WaveformPaddingValue", "OW", b"\x00\x08"))
    yield "twelve_in_sixteen", encode(ds), {l: v * 4.88 for l, v in zip(EIGHT, plain)}

    uneven = {lead: {"sensitivity": str(1 + i), "correction": None} for i, lead in enumerate(LEADS)}
    yield "names_only", encode(waveform_object([group(LEADS, all_leads(LEADS), local, settings=uneven)])), {
        l: v * (1 + i) for i, (l, v) in enumerate(zip(LEADS, all_leads(LEADS)))
    }

    ds = waveform_object([group(EIGHT, all_leads(EIGHT))])
    yield "without_preamble", encode(ds, preamble=False), None
    yield "data_set_implicit", encode(ds, ImplicitVRLittleEndian, meta=False), None
    yield "data_set_explicit", encode(ds, ExplicitVRLittleEndian, meta=False), None

    padded = all_leads(EIGHT)
    padded[2][10:13] = padded[3][0] = -32768
    for v in padded:
        v[55:] = -32768
    ds = waveform_object([group(EIGHT, padded)])
    ds.WaveformSequence[0].add(DataElement("WaveformPaddingValue", "OW", b"\x00\x80"))
    held = [v[:55].copy() for v in padded]
    held[2][10:13], held[3][0] = held[2][9], held[3][1]
    yield "padding", encode(ds), {l: v * 4.88 for l, v in zip(EIGHT, held)}

    ds = waveform_object([group(EIGHT, all_leads(EIGHT))])
    expected = decode(encode(ds))
    raw = DicomBytesIO()
    raw.is_little_endian, raw.is_implicit_VR = True, True
    undefined_lengths(ds)
    write_sequence(raw, ds["WaveformSequence"], ["iso8859"])
    del ds["WaveformSequence"]
    element = b"\x00\x54\x00\x01UN\0\0\xff\xff\xff\xff" + raw.getvalue() + b"\xfe\xff\xdd\xe0\0\0\0\0"
    yield "sequence_as_un", encode(ds) + element, expected

    limb, chest = EIGHT[:2], EIGHT[2:]
    ds = waveform_object([group(limb, all_leads(limb)), group(chest, all_leads(chest), sensitivity="2.44")])
    for item in ds.WaveformSequence:
        item.MultiplexGroupTimeOffset = "7.25"
    data = encode(ds)
    yield "two_groups", data, {**decode(data, 0), **decode(data, 1)}

    yield "without_sensitivity", encode(waveform_object([group(EIGHT, all_leads(EIGHT), sensitivity=None)])), None

    minute = all_leads(EIGHT, 500, rate=50)
    yield "ten_seconds", encode(
        waveform_object([group(EIGHT, minute, rate="50")], ["Sinus rhythm", "ECG REPORT", "Normal ECG"])
    ), None
    for name, rate in (("rhythm_500", 500), ("rhythm_240", 240)):
        long = all_leads(EIGHT, 10 * rate, rate=rate)
        ds = waveform_object(
            [group(EIGHT, long, rate=str(rate), sensitivity="2.5")], ["Sinus rhythm, with commas", 'a "quoted" word']
        )
        yield name, encode(ds, DeflatedExplicitVRLittleEndian), {}


def image():
    """Another DICOM object: a picture whose data has no length."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", ROOT + ".2"
    ds.PatientName = "Never^Shown"
    ds.Rows = ds.Columns = 8
    ds.add(DataElement("PixelData", "OB", pydicom.encaps.encapsulate([b"\xff\xd8\xff\xd9"])))
    ds["PixelData"].is_undefined_length = True
    return encode(ds, JPEGBaseline8Bit)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "tests/fixtures/dicom"
    )
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for name, data, expected in cases():
        (folder / f"{name}.dcm").write_bytes(data)
        expected = decode(data) if expected is None else expected
        if not expected:
            continue
        samples = len(next(iter(expected.values())))
        table = np.full((12, samples), np.nan, dtype="<f4")
        for lead, values in expected.items():
            table[LEADS.index(lead)] = values
        (folder / f"{name}.f32").write_bytes(table.tobytes())
    (folder / "image.dcm").write_bytes(image())


if __name__ == "__main__":
    main()
