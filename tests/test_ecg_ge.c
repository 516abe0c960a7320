/* GE MUSE and GE CardioSoft XML: built files with everything that may vary, and real ones where present. */
#include "support/ecg_files.h"

#include <math.h>
#include <unistd.h>

static const muse_file plain_muse = {.types = {"Median", "Rhythm", NULL},
                                     .samples = {600, 5000},
                                     .leads = ecg_files_eight_leads,
                                     .sample_base = "500",
                                     .sample_exponent = "0",
                                     .extra = "<LeadAmplitudeUnitsPerBit>4.88</LeadAmplitudeUnitsPerBit>"
                                              "<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits>"};

static void check_signal(const ecg_record *record, size_t samples) {
  assert_int_equal(record->samples, samples);
  for (int lead = 0; lead < ECG_LEADS; lead++)
    for (size_t i = 0; record->source[lead] == LEAD_STORED && i < samples; i++)
      if (record->leads[lead][i] != (float)ecg_files_count(lead, i))
        fail_msg("lead %s, sample %zu: %g", ecg_lead_names[lead], i, (double)record->leads[lead][i]);
  for (size_t i = 0; record->source[LEAD_AVL] == LEAD_DERIVED && i < samples; i++)
    assert_true(record->leads[LEAD_AVL][i] ==
                (float)ecg_files_count(LEAD_I, i) - 0.5f * (float)ecg_files_count(LEAD_II, i));
}

/* ---- MUSE ---- */

static void accept_muse(const muse_file *file, size_t samples, ecg_record *record) {
  buffer b = {0};
  const char *name;
  ecg_files_muse(&b, file);
  ecg_files_read(b.data, b.size, record, &name);
  assert_string_equal(name, "MHI");
  assert_string_equal(record->format, "MHI");
  assert_true(record->in_reference);
  check_signal(record, samples);
  buffer_free(&b);
}

static void refuse_muse(const muse_file *file, const char *message) {
  buffer b = {0};
  ecg_files_muse(&b, file);
  ecg_files_refuse(b.data, b.size, "Unknown", message);
  buffer_free(&b);
}

static void test_muse(void **state) {
  (void)state;
  muse_file file = plain_muse;
  ecg_record record;
  file.head =
      "<TestDemographics><AcquisitionDevice>MAC 55 "
      "</AcquisitionDevice><AcquisitionTime>13:15:18</AcquisitionTime>"
      "<AcquisitionDate>05-10-2021</AcquisitionDate></TestDemographics>"
      "<PatientDemographics><PatientLastName>NAME</PatientLastName></PatientDemographics>"
      "<Diagnosis><DiagnosisStatement><StmtText>Sinus\n rhythm</StmtText></DiagnosisStatement>"
      "<DiagnosisStatement><StmtFlag>ENDSLINE</StmtFlag><StmtText> &lt;Normal&gt; ECG "
      "</StmtText></DiagnosisStatement>"
      "</Diagnosis><OriginalDiagnosis><DiagnosisStatement><StmtText>Other</StmtText></DiagnosisStatement>"
      "</OriginalDiagnosis>";
  accept_muse(&file, 5000, &record);
  assert_true(record.sampling_rate_hz == 500 && fabs(record.microvolts_per_unit - 4.88) < 1e-12);
  assert_string_equal(record.device, "MAC 55");
  assert_string_equal(record.acquisition_time, "05-10-2021 13:15:18");
  assert_string_equal(record.statements, "Sinus rhythm <Normal> ECG");
  assert_string_equal(record.warning, "");
  ecg_record_clear(&record);
}

static void test_muse_says_little(void **state) {
  (void)state;
  ecg_record record;
  muse_file file = plain_muse;
  file.sample_base = file.extra = NULL;
  file.leads = ecg_files_twelve_leads;
  file.head = "<OriginalDiagnosis><DiagnosisStatement><StmtText>Only "
              "this</StmtText></DiagnosisStatement></OriginalDiagnosis>";
  accept_muse(&file, 5000, &record);
  assert_true(record.sampling_rate_hz == 0 && record.microvolts_per_unit == 0);
  assert_int_equal(record.source[LEAD_AVF], LEAD_STORED);
  assert_string_equal(record.device, "");
  assert_string_equal(record.acquisition_time, "");
  assert_string_equal(record.statements, "Only this");
  ecg_record_clear(&record);
}

/* Which waveform is read shows in the number of samples. */
static void check_choice(const char *first, const char *second, const char *third, size_t samples) {
  muse_file file = plain_muse;
  ecg_record record;
  file.types[0] = first, file.types[1] = second, file.types[2] = third;
  file.samples[0] = 3001, file.samples[1] = 3002, file.samples[2] = 3003;
  if (samples == 0) {
    refuse_muse(&file, "Unknown XML format: GE MUSE without a Rhythm waveform");
    return;
  }
  accept_muse(&file, samples, &record);
  ecg_record_clear(&record);
}

static void test_muse_rhythm_is_found(void **state) {
  (void)state;
  check_choice("Median", "Rhythm", NULL, 3002);
  check_choice("Rhythm", NULL, NULL, 3001);
  check_choice("Rhythm", "Median", NULL, 3001);
  check_choice("Median", "Other", "Rhythm", 3003);
  check_choice("Rhythm", "RHYTHM ", "Rhythm", 3002);
  check_choice("", "", NULL, 3002);
  check_choice("Other", "Other", "Other", 3002);
  check_choice("Median", NULL, NULL, 0);
  check_choice("Median", "Median", NULL, 0);
  check_choice("Other", "Median", NULL, 0);
  check_choice("", NULL, NULL, 0);
}

static void test_muse_rate(void **state) {
  (void)state;
  static const struct {
    const char *base, *exponent;
    double rate;
  } cases[] = {{"5", "2", 500}, {"500", NULL, 500}, {" 250 ", "0", 250}, {"2500", "-1", 250}, {"", "", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    muse_file file = plain_muse;
    ecg_record record;
    file.sample_base = cases[i].base, file.sample_exponent = cases[i].exponent;
    accept_muse(&file, 5000, &record);
    assert_true(fabs(record.sampling_rate_hz - cases[i].rate) < 1e-9);
    ecg_record_clear(&record);
  }
  muse_file file = plain_muse;
  file.sample_base = "fast";
  refuse_muse(&file, "SampleBase is not a number: \"fast\"");
  file.sample_base = "-500";
  refuse_muse(&file, "is no sampling rate");
  file.sample_base = "0";
  refuse_muse(&file, "is no sampling rate");
  file.sample_base = "500", file.sample_exponent = "400";
  refuse_muse(&file, "is no sampling rate");
}

static void check_unit(const char *extra, double microvolts) {
  muse_file file = plain_muse;
  ecg_record record;
  file.extra = extra;
  accept_muse(&file, 5000, &record);
  assert_true(fabs(record.microvolts_per_unit - microvolts) < 1e-9);
  ecg_record_clear(&record);
}

static void test_muse_units(void **state) {
  (void)state;
  check_unit("<LeadAmplitudeUnitsPerBit>0.00488</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>millivolts</"
             "LeadAmplitudeUnits>",
             4.88);
  check_unit("<LeadAmplitudeUnitsPerBit>4.88</LeadAmplitudeUnitsPerBit>", 0);
  check_unit("<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits>", 0);
  check_unit("<LeadAmplitudeUnitsPerBit>1</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>FURLONGS</"
             "LeadAmplitudeUnits>",
             0);
  check_unit("<LeadAmplitudeUnitsPerBit>-1</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>MICROVOLTS</"
             "LeadAmplitudeUnits>",
             0);
}

static void test_muse_units_that_differ(void **state) {
  (void)state;
  buffer b = {0};
  ecg_record record;
  ecg_files_muse(&b, &plain_muse);
  ecg_files_replace(&b, "<LeadID>V2</LeadID>\n<LeadAmplitudeUnitsPerBit>4.88",
                    "<LeadID>V2</LeadID>\n<LeadAmplitudeUnitsPerBit>9.76", true);
  ecg_files_read(b.data, b.size, &record, NULL);
  assert_true(record.leads[LEAD_V2][1] == 2 * (float)ecg_files_count(LEAD_V2, 1));
  assert_true(record.leads[LEAD_V3][1] == (float)ecg_files_count(LEAD_V3, 1));
  assert_string_equal(record.warning, "leads of different units brought to 4.88 microvolts");
  ecg_record_clear(&record);
  buffer_free(&b);
}

static void check_muse_warning(const char *extra, const char *warning) {
  muse_file file = plain_muse;
  ecg_record record;
  file.extra = extra;
  file.leads = "I II V1 V2 V3 V4 V5 V6";
  accept_muse(&file, 5000, &record);
  assert_string_equal(record.warning, warning);
  ecg_record_clear(&record);
}

static void test_muse_warnings(void **state) {
  (void)state;
  check_muse_warning("<LeadOff>FALSE</LeadOff>", "");
  check_muse_warning("<LeadOff>TRUE</LeadOff>", "marked as off: lead I, II, V1, V2, V3, V4, V5, V6");
  check_muse_warning("<LeadDataCRC32>12</LeadDataCRC32>",
                     "checksum does not match: lead I, II, V1, V2, V3, V4, V5, V6");
  check_muse_warning("<LeadDataCRC32>none</LeadDataCRC32>",
                     "checksum does not match: lead I, II, V1, V2, V3, V4, V5, V6");
}

static void test_muse_leads_beyond_the_twelve(void **state) {
  (void)state;
  muse_file file = plain_muse;
  ecg_record record;
  file.leads = "V3R I V7 II V1 V2 V3 V4 V5 V6 V3R X";
  accept_muse(&file, 5000, &record);
  ecg_record_clear(&record);
}

static void test_muse_bad_leads(void **state) {
  (void)state;
  muse_file file = plain_muse;
  file.leads = "I II V1 V2 V4 V5 V6";
  refuse_muse(&file, "Missing lead V3");
  file.leads = "I II III";
  refuse_muse(&file, "Missing leads V1, V2, V3, V4, V5, V6");
  file.leads = "II V1 V2 V3 V4 V5 V6";
  refuse_muse(&file, "Missing lead I");
  file.leads = "I II V1 V2 V3 V3 V4 V5 V6";
  refuse_muse(&file, "Lead V3 appears twice");
  file.leads = "";
  refuse_muse(&file, "Missing leads I, II, V1");
  file = plain_muse;
  file.samples[1] = 0;
  refuse_muse(&file, "Lead I has no samples");
  file = plain_muse;
  file.extra = "<LeadSampleCountTotal>4999</LeadSampleCountTotal>";
  refuse_muse(&file, "Lead I: 4999 samples declared, 5000 present");
  file.extra = "<LeadSampleCountTotal>many</LeadSampleCountTotal>";
  refuse_muse(&file, "LeadSampleCountTotal is not a number: \"many\"");
  file.extra = "<LeadSampleSize>4</LeadSampleSize>";
  refuse_muse(&file, "Lead I: samples of 4 bytes");
}

/* Damage of one lead of the rhythm strip: the last characters of its base64. */
static void refuse_tail(const char *tail, const char *message) {
  muse_file file = plain_muse;
  buffer b = {0};
  file.types[0] = "Rhythm", file.types[1] = NULL;
  file.samples[0] = 5000;
  ecg_files_muse(&b, &file);
  char *end = strstr(strstr(b.data, "<LeadID>V5"), "</WaveFormData>");
  memcpy(end - 5, tail, 4);
  ecg_files_refuse(b.data, b.size, "Unknown", message);
  buffer_free(&b);
}

static void test_muse_bad_base64(void **state) {
  (void)state;
  refuse_tail("AA\nA", "Lead V5: WaveFormData is not whole base64");
  refuse_tail("AA*=", "Lead V5: WaveFormData is not whole base64");
  refuse_tail(
      "\n\n\n\n",
      "Lead V5: WaveFormData has an odd number of bytes"); /* 10000 bytes are 3333 groups and one byte */
}

static void test_muse_lengths_that_differ(void **state) {
  (void)state;
  buffer b = {0};
  ecg_files_muse(&b, &plain_muse);
  char *v4 = strstr(strstr(strstr(b.data, "Rhythm"), "<LeadID>V4"), "<WaveFormData>\n");
  memset(v4 + strlen("<WaveFormData>\n"), '\n', 8); /* two groups: three samples */
  ecg_files_refuse(b.data, b.size, "Unknown", "Lead V4 has 4997 samples, lead I has 5000");
  buffer_free(&b);
}

static void test_muse_damaged_median_does_not_matter(void **state) {
  (void)state;
  buffer b = {0};
  ecg_record record;
  ecg_files_muse(&b, &plain_muse);
  ecg_files_replace(&b, "<WaveFormData>\n", "<WaveFormData>\n***", false);
  ecg_files_read(b.data, b.size, &record, NULL);
  ecg_record_clear(&record);
  ecg_files_replace(&b, "<WaveformType>Median</WaveformType>", "", false);
  ecg_files_read(b.data, b.size, &record, NULL);
  check_signal(&record, 5000);
  ecg_record_clear(&record);
  buffer_free(&b);
}

/* ---- CardioSoft ---- */

static const cardiosoft_file plain_cardiosoft = {
    .lead_order = "I, II, III, aVR, aVL, aVF, V1, V2, V3, V4, V5, V6",
    .leads = ecg_files_twelve_leads,
    .samples = 5000,
    .strip_head = "<NumberOfLeads>12</NumberOfLeads><SampleRate units=\"Hz\">500</SampleRate>"
                  "<ChannelSampleCountTotal>5000</ChannelSampleCountTotal><Resolution "
                  "units=\"uVperLsb\">5</Resolution>"};

static void accept_cardiosoft(const cardiosoft_file *file, size_t samples, ecg_record *record) {
  buffer b = {0};
  const char *name;
  ecg_files_cardiosoft(&b, file);
  ecg_files_read(b.data, b.size, record, &name);
  assert_string_equal(name, "CLSA");
  assert_true(record->in_reference);
  check_signal(record, samples);
  buffer_free(&b);
}

static void refuse_cardiosoft(const cardiosoft_file *file, const char *message) {
  buffer b = {0};
  ecg_files_cardiosoft(&b, file);
  ecg_files_refuse(b.data, b.size, "Unknown", message);
  buffer_free(&b);
}

static void test_cardiosoft(void **state) {
  (void)state;
  cardiosoft_file file = plain_cardiosoft;
  ecg_record record;
  file.head =
      "<ObservationDateTime><Hour>7</Hour><Minute>5</Minute><Second>9</Second><Day>1</Day><Month>2</Month>"
      "<Year>2003</Year></ObservationDateTime><ClinicalInfo><Technician><FamilyName>NAME</FamilyName></"
      "Technician>"
      "<DeviceInfo><Desc>CardioSoft</Desc><SoftwareVer>V6.71</SoftwareVer></DeviceInfo></ClinicalInfo>"
      "<Interpretation><Diagnosis><DiagnosisText>Bloc \xe9lev\xe9</DiagnosisText><DiagnosisText/>"
      "<DiagnosisText>Abnormal\tECG</DiagnosisText></Diagnosis></Interpretation>";
  accept_cardiosoft(&file, 5000, &record);
  assert_true(record.sampling_rate_hz == 500 && record.microvolts_per_unit == 5);
  assert_string_equal(record.device, "CardioSoft V6.71");
  assert_string_equal(record.acquisition_time, "2003-02-01 07:05:09");
  assert_string_equal(record.statements, "Bloc élevé Abnormal ECG");
  assert_string_equal(record.warning, "");
  ecg_record_clear(&record);
}

static void test_cardiosoft_variants(void **state) {
  (void)state;
  static const char *const separators[] = {",", ", ", ",\n\t", " ", " ,"};
  for (size_t i = 0; i < sizeof separators / sizeof *separators; i++) {
    cardiosoft_file file = plain_cardiosoft;
    ecg_record record;
    file.separator = separators[i];
    accept_cardiosoft(&file, 5000, &record);
    ecg_record_clear(&record);
  }
  cardiosoft_file file = plain_cardiosoft;
  ecg_record record;
  file.lead_order = "I,II,V1,V2,V3,V4,V5,V6";
  file.leads = ecg_files_eight_leads;
  file.without_attribute = true;
  file.strip_head = NULL;
  accept_cardiosoft(&file, 5000, &record);
  assert_true(record.sampling_rate_hz == 0 && record.microvolts_per_unit == 0);
  assert_int_equal(record.source[LEAD_III], LEAD_DERIVED);
  ecg_record_clear(&record);
  file.without_attribute = false;
  file.lead_order = NULL;
  accept_cardiosoft(&file, 5000, &record);
  ecg_record_clear(&record);
  file.lead_order = "I,II,V3R,V1,V2,V3,V4,V5,V6";
  file.leads = "I II V3R V1 V2 V3 V4 V5 V6";
  accept_cardiosoft(&file, 5000, &record);
  ecg_record_clear(&record);
}

static void test_cardiosoft_numbers(void **state) {
  (void)state;
  buffer b = {0};
  ecg_record record;
  cardiosoft_file file = plain_cardiosoft;
  file.samples = 4996;
  file.strip_head = NULL;
  ecg_files_cardiosoft(&b, &file);
  ecg_files_replace(&b, "</WaveformData>\n", ",-1.5,+2,12345678,3e2,</WaveformData>\n", true);
  ecg_files_read(b.data, b.size, &record, NULL);
  assert_int_equal(record.samples, 5000);
  static const float tail[] = {-1.5f, 2, 12345678, 300};
  for (int i = 0; i < 4; i++)
    assert_true(record.leads[LEAD_V6][4996 + i] == tail[i]);
  ecg_record_clear(&record);
  ecg_files_replace(&b, "+2", "1e39", true);
  ecg_files_refuse(b.data, b.size, "Unknown", "Lead I has a value that is not finite (sample 4997)");
  buffer_free(&b);
}

static void refuse_value(const char *tail, const char *message) {
  buffer b = {0};
  cardiosoft_file file = plain_cardiosoft;
  char end[60];
  file.samples = 3000;
  ecg_files_cardiosoft(&b, &file);
  char *median_end = strstr(b.data, "<StripData>");
  snprintf(end, sizeof end, "%s</WaveformData>", tail);
  buffer strip = {0};
  ecg_files_append(&strip, median_end);
  ecg_files_replace(&strip, "</WaveformData>", end, false);
  b.size = (size_t)(median_end - b.data);
  b.data[b.size] = '\0';
  ecg_files_append(&b, strip.data);
  ecg_files_refuse(b.data, b.size, "Unknown", message);
  buffer_free(&strip);
  buffer_free(&b);
}

static void test_cardiosoft_bad_values(void **state) {
  (void)state;
  refuse_value(",x", "Lead I: value 3001 is not a number: \"x\"");
  refuse_value(",,1", "Lead I: value 3001 is not a number: \"\"");
  refuse_value(",0x10", "Lead I: value 3001 is not a number: \"0x10\"");
  refuse_value(",--1", "Lead I: value 3001 is not a number: \"--1\"");
  refuse_value(",nan", "Lead I: value 3001 is not a number: \"nan\"");
  refuse_value(",1-", "Lead I: value 3001 is not a number: \"1-\"");
  refuse_value(",-", "Lead I: value 3001 is not a number: \"-\"");
  refuse_value(",11111111111111111111111111111111111111", "value 3001 is not a number");
  refuse_value(",7", "Lead II has 3000 samples, those before it 3001");
}

static void test_cardiosoft_bad_files(void **state) {
  (void)state;
  cardiosoft_file file = plain_cardiosoft;
  file.samples = 0;
  refuse_cardiosoft(&file, "Lead I has no samples");
  file = plain_cardiosoft;
  file.leads = "";
  refuse_cardiosoft(&file, "Unknown XML format: GE CardioSoft without StripData");
  file.leads = "I II III aVR aVL aVF V1 V2 V3 V4 V5";
  refuse_cardiosoft(&file, "Missing lead V6");
  file.lead_order = "I,II,I";
  refuse_cardiosoft(&file, "Lead I appears twice");
  file = plain_cardiosoft;
  file.strip_head = "<SampleRate>x</SampleRate>";
  refuse_cardiosoft(&file, "SampleRate is not a positive number: \"x\"");
  file.strip_head = "<SampleRate>0</SampleRate>";
  refuse_cardiosoft(&file, "SampleRate is not a positive number: \"0\"");
}

static void test_cardiosoft_warnings(void **state) {
  (void)state;
  cardiosoft_file file = plain_cardiosoft;
  ecg_record record;
  file.samples = 5001;
  accept_cardiosoft(&file, 5001, &record);
  assert_string_equal(record.warning, "5000 samples declared, 5001 present");
  ecg_record_clear(&record);
  buffer b = {0};
  ecg_files_cardiosoft(&b, &plain_cardiosoft);
  ecg_files_replace(&b, "lead=\"V1\"", "lead=\"V2\"", false);
  ecg_files_read(b.data, b.size, &record, NULL);
  check_signal(&record, 5000);
  assert_string_equal(record.warning, "LeadOrder says V1 where StripData says V2");
  ecg_record_clear(&record);
  buffer_free(&b);
}

static void test_cardiosoft_reads_the_first_strip(void **state) {
  (void)state;
  buffer b = {0};
  ecg_record record;
  ecg_files_cardiosoft(&b, &plain_cardiosoft);
  ecg_files_replace(&b, "</CardiologyXML>",
                    "<StripData><WaveformData lead=\"I\">x</WaveformData></StripData></CardiologyXML>",
                    false);
  ecg_files_read(b.data, b.size, &record, NULL);
  check_signal(&record, 5000);
  ecg_record_clear(&record);
  buffer_free(&b);
}

/* ---- Real files ---- */

static void check_real_muse(const char *name, const char *device, const char *statements) {
  static float expected[8 * 5000];
  static const ecg_lead leads[] = {LEAD_I, LEAD_II, LEAD_V1, LEAD_V2, LEAD_V3, LEAD_V4, LEAD_V5, LEAD_V6};
  char path[600];
  ecg_record record;
  const char *type;
  error err = {0};
  snprintf(path, sizeof path, "%s/data/real/expected/muse__%s.f32", DEEPECG_SHARED, name);
  FILE *file = fopen(path, "rb");
  if (!file)
    skip();
  assert_int_equal(fread(expected, sizeof *expected, 8 * 5000, file), 8 * 5000);
  fclose(file);
  snprintf(path, sizeof path, "%s/data/real/muse/%s", DEEPECG_SHARED, name);
  if (!ecg_read_file(path, &record, &type, &err))
    fail_msg("%s", err.message);
  assert_string_equal(type, "MHI");
  assert_int_equal(record.samples, 5000);
  assert_true(record.sampling_rate_hz == 500);
  assert_string_equal(record.warning, ""); /* all eight checksums match */
  assert_string_equal(record.device, device);
  assert_string_equal(record.statements, statements);
  for (int l = 0; l < 8; l++)
    for (size_t i = 0; i < 5000; i++) {
      double microvolts = (double)record.leads[leads[l]][i] * record.microvolts_per_unit;
      if ((float)microvolts != expected[(size_t)l * 5000 + i])
        fail_msg("%s: lead %s, sample %zu: %g", name, ecg_lead_names[leads[l]], i, microvolts);
    }
  ecg_record_clear(&record);
}

static void test_real_muse_files(void **state) {
  (void)state;
  check_real_muse("easyRecg_muse_ecg1.xml", "MAC55",
                  "Statement Text(22) Statement Text(1684) Statement Text(1300)");
  check_real_muse("ecg2dcm_guangxi_sinus.xml", "MAC P", "窦性心律 ST段抬高（提示心室早期复极）");
}

static void test_public_cardiosoft_sample(void **state) {
  (void)state;
  const char *path = DEEPECG_SHARED "/data/ecg_signals/dummy_ecg.xml";
  ecg_record record;
  error err = {0};
  if (access(path, R_OK) != 0)
    skip();
  if (!ecg_read_file(path, &record, NULL, &err))
    fail_msg("%s", err.message);
  static const float first[] = {2, 1, -1, -3, -5, 0, 2, 2, 0, -3, -9, -10}, v6[] = {11, 5, 1, 0, 7, 6};
  assert_memory_equal(record.leads[LEAD_I], first, sizeof first);
  assert_memory_equal(record.leads[LEAD_V6], v6, sizeof v6);
  assert_true(record.samples == 5000 && record.sampling_rate_hz == 500 && record.microvolts_per_unit == 5);
  assert_string_equal(record.statements,
                      "Normal sinus rhythm Voltage criteria for left ventricular hypertrophy Abnormal ECG");
  assert_string_equal(record.device, "CardioSoft V6.71");
  assert_string_equal(record.acquisition_time, "2000-01-01 00:00:00");
  assert_string_equal(record.warning, "");
  ecg_record_clear(&record);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_muse),
      cmocka_unit_test(test_muse_says_little),
      cmocka_unit_test(test_muse_rhythm_is_found),
      cmocka_unit_test(test_muse_rate),
      cmocka_unit_test(test_muse_units),
      cmocka_unit_test(test_muse_units_that_differ),
      cmocka_unit_test(test_muse_warnings),
      cmocka_unit_test(test_muse_leads_beyond_the_twelve),
      cmocka_unit_test(test_muse_bad_leads),
      cmocka_unit_test(test_muse_bad_base64),
      cmocka_unit_test(test_muse_lengths_that_differ),
      cmocka_unit_test(test_muse_damaged_median_does_not_matter),
      cmocka_unit_test(test_cardiosoft),
      cmocka_unit_test(test_cardiosoft_variants),
      cmocka_unit_test(test_cardiosoft_numbers),
      cmocka_unit_test(test_cardiosoft_bad_values),
      cmocka_unit_test(test_cardiosoft_bad_files),
      cmocka_unit_test(test_cardiosoft_warnings),
      cmocka_unit_test(test_cardiosoft_reads_the_first_strip),
      cmocka_unit_test(test_real_muse_files),
      cmocka_unit_test(test_public_cardiosoft_sample),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
