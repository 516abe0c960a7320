/* Made by tools/make_tasks.py from labels.json; do not edit. */
/* clang-format off */
#include "tasks/tasks.h"

#include <math.h>

const label_info labels[LABEL_COUNT] = {
    {"Sinusal", 0.43, 15, {0.8075482249259949, 0.872, 0.95}},
    {"Regular", 0.48, 23, {0.8469119071960449, 0.898, 0.95}},
    {"Monomorph", 0.51, 16, {0.9181361794471741, 0.938, 0.95}},
    {"QS complex in V1-V2-V3", 0.57, 1, {0.016304679214954376, 0.035, 0.001}},
    {"R complex in V5-V6", 0.4, 57, {0.0392032228410244, 0.078, 0.006}},
    {"T wave inversion (inferior - II, III, aVF)", 0.6, 63, {0.15714240074157715, 0.198, 0.035}},
    {"Left bundle branch block", 0.31, 73, {0.018835967406630516, 0.068, 0.006}},
    {"RaVL > 11 mm", 0.65, 41, {0.03399272263050079, 0.05, 0.002}},
    {"SV1 + RV5 or RV6 > 35 mm", 0.48, 39, {0.0222533717751503, 0.023, 0.001}},
    {"T wave inversion (lateral -I, aVL, V5-V6)", 0.59, 36, {0.13455051183700562, 0.17, 0.019}},
    {"T wave inversion (anterior - V3-V4)", 0.58, 2, {0.0724065974354744, 0.077, 0.005}},
    {"Left axis deviation", 0.46, 29, {0.15760254859924316, 0.154, 0.031}},
    {"Left ventricular hypertrophy", 0.38, 30, {0.08567972481250763, 0.063, 0.035}},
    {"Bradycardia", 0.57, 65, {0.19554725289344788, 0.304, 0.073}},
    {"Q wave (inferior - II, III, aVF)", 0.46, 34, {0.09673208743333817, 0.116, 0.017}},
    {"Afib", 0.46, 12, {0.1037951335310936, 0.074, 0.004}},
    {"Irregularly irregular", 0.58, 55, {0.10453741252422333, 0.1, 0.007}},
    {"Atrial tachycardia (>= 100 BPM)", 0.39, 56, {0.04391631856560707, 0.035, 0.005}},
    {"Nonspecific intraventricular conduction delay", 0.34, 21, {0.029311716556549072, 0.022, 0.003}},
    {"Premature ventricular complex", 0.34, 8, {0.060315560549497604, 0.049, 0.019}},
    {"Polymorph", 0.61, 42, {0.01651196926832199, 0.02, 0.001}},
    {"T wave inversion (septal- V1-V2)", 0.65, 71, {0.07128537446260452, 0.107, 0.006}},
    {"Right bundle branch block", 0.38, 37, {0.060605697333812714, 0.126, 0.044}},
    {"Ventricular paced", 0.34, 50, {0.04323868080973625, 0.052, 0.009}},
    {"ST elevation (anterior - V3-V4)", 0.46, 13, {0.009488987736403942, 0.01, 0.001}},
    {"ST elevation (septal - V1-V2)", 0.48, 38, {0.007370146457105875, 0.008, 0.001}},
    {"1st degree AV block", 0.31, 46, {0.054165828973054886, 0.071, 0.01}},
    {"Premature atrial complex", 0.33, 24, {0.02900737151503563, 0.037, 0.003}},
    {"Atrial flutter", 0.44, 49, {0.012458192184567451, 0.01, 0.001}},
    {"rSR' in V1-V2", 0.56, 9, {0.024231072515249252, 0.035, 0.002}},
    {"qRS in V5-V6-I, aVL", 0.63, 66, {0.016562914475798607, 0.014, 0.001}},
    {"Left anterior fascicular block", 0.45, 26, {0.037277620285749435, 0.037, 0.003}},
    {"Right axis deviation", 0.49, 40, {0.010496498085558414, 0.017, 0.001}},
    {"2nd degree AV block - mobitz 1", 0.51, 4, {0.006294497288763523, 0.006, 0.001}},
    {"ST depression (inferior - II, III, aVF)", 0.51, 22, {0.010292482562363148, 0.012, 0.001}},
    {"Acute pericarditis", 0.38, 0, {0.004548099357634783, NAN, NAN}},
    {"ST elevation (inferior - II, III, aVF)", 0.36, 11, {0.00899659376591444, 0.01, 0.001}},
    {"Low voltage", 0.5, 74, {0.05578191205859184, 0.058, 0.003}},
    {"Regularly irregular", 0.58, 64, {0.051944803446531296, 0.058, 0.003}},
    {"Junctional rhythm", 0.43, 7, {0.01158860418945551, 0.013, 0.001}},
    {"Left atrial enlargement", 0.52, 76, {0.025674456730484962, 0.019, 0.003}},
    {"ST elevation (lateral - I, aVL, V5-V6)", 0.46, 58, {0.006438542157411575, 0.006, 0.001}},
    {"Atrial paced", 0.42, 33, {0.016819339245557785, 0.018, 0.001}},
    {"Right ventricular hypertrophy", 0.38, 70, {0.0056317038834095, 0.006, 0.001}},
    {"Delta wave", 0.3, 17, {0.0004455529560800642, 0.001, 0.001}},
    {"Wolff-Parkinson-White (Pre-excitation syndrome)", 0.28, 6, {0.0005034709465689957, 0.001, 0.001}},
    {"Prolonged QT", 0.4, 28, {0.046002209186553955, 0.039, 0.002}},
    {"ST depression (anterior - V3-V4)", 0.48, 69, {0.006790333427488804, 0.008, 0.001}},
    {"QRS complex negative in III", 0.56, 44, {0.09670284390449524, 0.144, 0.01}},
    {"Q wave (lateral- I, aVL, V5-V6)", 0.51, 61, {0.01590864546597004, 0.018, 0.001}},
    {"Supraventricular tachycardia", 0.42, 32, {0.007044760510325432, 0.005, 0.001}},
    {"ST downslopping", 0.37, 72, {0.08333136141300201, 0.066, 0.009}},
    {"ST depression (lateral - I, avL, V5-V6)", 0.51, 45, {0.019376173615455627, 0.026, 0.001}},
    {"2nd degree AV block - mobitz 2", 0.37, 25, {0.00933077186346054, 0.012, 0.001}},
    {"U wave", 0.26, 75, {0.000755671935621649, 0.006, 0.001}},
    {"R/S ratio in V1-V2 >1", 0.52, 18, {0.01122095063328743, 0.025, 0.001}},
    {"RV1 + SV6 > 11 mm", 0.53, 14, {0.005522996187210083, 0.008, 0.001}},
    {"Left posterior fascicular block", 0.35, 5, {0.0036026940215379, 0.004, 0.001}},
    {"Right atrial enlargement", 0.26, 3, {0.002089146990329027, 0.001, 0.001}},
    {"ST depression (septal- V1-V2)", 0.41, 31, {0.001671362086199224, 0.002, 0.001}},
    {"Q wave (septal- V1-V2)", 0.51, 27, {0.03893815353512764, 0.033, 0.003}},
    {"Q wave (anterior - V3-V4)", 0.37, 67, {0.05494214594364166, 0.042, 0.003}},
    {"ST upslopping", 0.39, 62, {0.009845602326095104, 0.011, 0.001}},
    {"Right superior axis", 0.43, 10, {0.0002490754995960742, 0.002, 0.003}},
    {"Ventricular tachycardia", 0.35, 43, {0.0002493064384907484, 0.002, 0.001}},
    {"ST elevation (posterior - V7-V8-V9)", 0.4, 51, {0.0013480085181072354, 0.002, 0.001}},
    {"Ectopic atrial rhythm (< 100 BPM)", 0.4, 52, {0.004058691672980785, 0.007, 0.001}},
    {"Lead misplacement", 0.32, 47, {2.4045009922701865e-05, 0.029, 0.439}},
    {"Third Degree AV Block", 0.37, 19, {0.002749016275629401, 0.002, 0.001}},
    {"Acute MI", 0.38, 68, {0.013021176680922508, 0.009, 0.001}},
    {"Early repolarization", 0.4, 53, {0.004803062882274389, 0.004, 0.001}},
    {"Q wave (posterior - V7-V9)", 0.34, 48, {0.002231500344350934, 0.003, 0.001}},
    {"Bi-atrial enlargement", 0.29, 60, {0.0013420595787465572, 0.001, 0.001}},
    {"LV pacing", 0.28, 20, {0.0006026728078722954, 0.003, 0.002}},
    {"Brugada", 0.22, 59, {NAN, 0.001, 0.537}},
    {"Ventricular Rhythm", 0.33, 54, {0.010783462785184383, 0.027, 0.001}},
    {"no_qrs", 0.27, 35, {0.00020396339823491871, 0.005, 0.65}},
};

static const unsigned char members_0[] = {64, 13, 74, 45, 28, 66, 17, 0, 75, 50, 39, 1, 38, 16, 15, 19, 27};
static const unsigned char members_1[] = {31, 44, 53, 6, 22, 11, 42, 32, 57, 26, 63, 18, 68, 33, 46, 54, 73, 23};
static const unsigned char members_2[] = {72, 40, 58, 12, 43};
static const unsigned char members_3[] = {35};
static const unsigned char members_4[] = {60, 24, 71, 14, 61, 41, 49, 52, 69, 25, 36, 65, 34, 47};
static const unsigned char members_5[] = {51, 59, 55, 56, 20, 29, 48, 30, 3, 4, 7, 21, 8, 5, 2, 10, 9, 37, 67, 47, 70, 62, 76};

const category_info categories[CATEGORY_COUNT] = {
    {"Rhythm Disorders", 17, members_0},
    {"Conduction Disorder", 18, members_1},
    {"Enlargement of the heart chambers", 5, members_2},
    {"Pericarditis", 1, members_3},
    {"Infarction or ischemia", 14, members_4},
    {"Other diagnoses", 23, members_5},
};

const task_info tasks[] = {
    {"ecg_machine_diagnosis", "77_classes_ecg_file_name", "77 findings", TASK_77_LABELS,
     {[FAMILY_WCR] = "wcr_77_classes", [FAMILY_EFFICIENTNET] = "efficientnetv2_77_classes"},
     {NAN, NAN, NAN}},
    {"afib_5y", "afib_ecg_file_name", "AF within 5 years", TASK_BINARY,
     {[FAMILY_WCR] = "wcr_afib_5y", [FAMILY_EFFICIENTNET] = "efficientnetv2_afib_5y"},
     {NAN, 0.207, 0.231}},
    {"lvef_40", "lvef_40_ecg_file_name", "LVEF <= 40 %", TASK_BINARY,
     {[FAMILY_WCR] = "wcr_lvef_equal_under_40", [FAMILY_EFFICIENTNET] = "efficientnetv2_lvef_equal_under_40"},
     {NAN, 0.197, 0.002}},
    {"lvef_50", "lvef_50_ecg_file_name", "LVEF < 50 %", TASK_BINARY,
     {[FAMILY_WCR] = "wcr_lvef_under_50", [FAMILY_EFFICIENTNET] = "efficientnetv2_lvef_under_50"},
     {NAN, 0.268, 0.032}},
};
const size_t task_count = 4;

const char *const bert_models[] = {
    "Bert_diagnosis2classification_En_Fr",
    "Bert_diagnosis2classification",
    NULL,
};
