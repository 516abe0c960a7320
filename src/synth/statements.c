#include "synth/statements.h"

enum { VARIANTS = 3 };

/* How much a statement weighs in the closing line. */
typedef enum gravity { HARMLESS, MINOR, BORDERLINE, ABNORMAL } gravity;

typedef struct phrase {
  gravity weight;
  const char *english[VARIANTS], *french[VARIANTS]; /* equivalent phrasings; NULL ends a list */
} phrase;

typedef struct finding_phrase {
  synth_finding finding;
  phrase words;
} finding_phrase;

static const phrase sinus_rhythm = {
    HARMLESS, {"Normal sinus rhythm", "Sinus rhythm"}, {"Rythme sinusal normal", "Rythme sinusal"}};
static const phrase sinus_plain = {HARMLESS, {"Sinus rhythm"}, {"Rythme sinusal"}};
static const phrase sinus_bradycardia = {MINOR, {"Sinus bradycardia"}, {"Bradycardie sinusale"}};
static const phrase marked_bradycardia = {
    MINOR,
    {"Marked sinus bradycardia", "Sinus bradycardia (rate < 50)"},
    {"Bradycardie sinusale marquée", "Bradycardie sinusale (fréquence < 50)"}};
static const phrase sinus_tachycardia = {MINOR, {"Sinus tachycardia"}, {"Tachycardie sinusale"}};

static const phrase rhythm_phrases[RHYTHM_COUNT] = {
    [RHYTHM_ATRIAL_FIBRILLATION] = {ABNORMAL, {"Atrial fibrillation"}, {"Fibrillation auriculaire"}},
    [RHYTHM_ATRIAL_FLUTTER] = {ABNORMAL, {"Atrial flutter"}, {"Flutter auriculaire"}},
    [RHYTHM_SUPRAVENTRICULAR_TACHYCARDIA] = {ABNORMAL,
                                             {"Supraventricular tachycardia",
                                              "Regular supraventricular tachycardia"},
                                             {"Tachycardie supraventriculaire",
                                              "Tachycardie supraventriculaire régulière"}},
    [RHYTHM_JUNCTIONAL] = {ABNORMAL, {"Junctional rhythm"}, {"Rythme jonctionnel"}},
    [RHYTHM_MOBITZ_1] = {ABNORMAL,
                         {"Sinus rhythm with 2nd degree A-V block (Mobitz I)",
                          "Sinus rhythm with Mobitz I (Wenckebach) A-V block"},
                         {"Rythme sinusal avec bloc A-V du 2e degré (Mobitz I)",
                          "Bloc A-V du 2e degré de type Wenckebach"}},
    [RHYTHM_MOBITZ_2] = {ABNORMAL,
                         {"Sinus rhythm with 2nd degree A-V block (Mobitz II)"},
                         {"Rythme sinusal avec bloc A-V du 2e degré (Mobitz II)"}},
    [RHYTHM_COMPLETE_BLOCK] = {ABNORMAL,
                               {"Sinus rhythm with complete heart block", "3rd degree A-V block"},
                               {"Bloc A-V complet", "Bloc auriculo-ventriculaire du 3e degré"}},
    [RHYTHM_ATRIAL_PACED] = {ABNORMAL,
                             {"Atrial-paced rhythm", "Electronic atrial pacemaker"},
                             {"Rythme auriculaire électro-entraîné", "Stimulateur auriculaire"}},
    [RHYTHM_VENTRICULAR_PACED] = {ABNORMAL,
                                  {"Ventricular-paced rhythm", "Electronic ventricular pacemaker"},
                                  {"Rythme ventriculaire électro-entraîné", "Stimulateur ventriculaire"}},
    [RHYTHM_VENTRICULAR_TACHYCARDIA] = {ABNORMAL,
                                        {"Ventricular tachycardia",
                                         "Wide QRS tachycardia, probable ventricular tachycardia"},
                                        {"Tachycardie ventriculaire",
                                         "Tachycardie à QRS larges, probablement ventriculaire"}},
};
static const phrase ectopic_atrial = {
    ABNORMAL,
    {"Ectopic atrial rhythm", "Unusual P axis, possible ectopic atrial rhythm"},
    {"Rythme auriculaire ectopique", "Axe de P inhabituel, rythme auriculaire ectopique possible"}};
static const phrase atrial_tachycardia = {ABNORMAL,
                                          {"Atrial tachycardia", "Ectopic atrial tachycardia"},
                                          {"Tachycardie auriculaire", "Tachycardie auriculaire ectopique"}};

/* What goes on after the rhythm, on its line. */
static const phrase rapid_response = {
    ABNORMAL, {"with rapid ventricular response"}, {"avec réponse ventriculaire rapide"}};
static const phrase slow_response = {
    ABNORMAL, {"with slow ventricular response"}, {"avec réponse ventriculaire lente"}};
static const phrase variable_block = {ABNORMAL, {"with variable A-V block"}, {"avec bloc A-V variable"}};
static const phrase two_to_one = {ABNORMAL, {"with 2:1 A-V conduction"}, {"avec conduction A-V 2:1"}};
static const phrase three_to_one = {ABNORMAL, {"with 3:1 A-V conduction"}, {"avec conduction A-V 3:1"}};
static const phrase four_to_one = {ABNORMAL, {"with 4:1 A-V conduction"}, {"avec conduction A-V 4:1"}};
static const phrase escape = {ABNORMAL,
                              {"and ventricular escape rhythm", "with idioventricular rhythm"},
                              {"avec rythme idioventriculaire"}};
static const phrase first_degree = {MINOR, {"with 1st degree A-V block"}, {"avec bloc A-V du 1er degré"}};
static const phrase bigeminy = {
    ABNORMAL,
    {"with premature ventricular complexes in a pattern of bigeminy", "with ventricular bigeminy"},
    {"avec bigéminisme ventriculaire"}};
static const phrase many_ventricular = {
    ABNORMAL,
    {"with frequent premature ventricular complexes", "with frequent PVCs"},
    {"avec extrasystoles ventriculaires fréquentes"}};
static const phrase few_ventricular = {
    MINOR,
    {"with occasional premature ventricular complexes"},
    {"avec extrasystoles ventriculaires occasionnelles", "avec rares extrasystoles ventriculaires"}};
static const phrase many_atrial = {
    ABNORMAL,
    {"with frequent premature atrial complexes", "with frequent premature supraventricular complexes"},
    {"avec extrasystoles auriculaires fréquentes"}};
static const phrase few_atrial = {
    MINOR,
    {"with occasional premature atrial complexes", "with occasional premature supraventricular complexes"},
    {"avec extrasystoles auriculaires occasionnelles", "avec rares extrasystoles supraventriculaires"}};

/* Lines of their own, in the order in which they are written. */
static const finding_phrase lines[] = {
    {FINDING_LEAD_MISPLACEMENT,
     {BORDERLINE,
      {"Suspect arm lead reversal, interpretation assumes no reversal"},
      {"Inversion probable des électrodes des bras, interprétée sans inversion"}}},
    {FINDING_BOTH_ATRIA, {ABNORMAL, {"Biatrial enlargement"}, {"Hypertrophie bi-auriculaire"}}},
    {FINDING_RIGHT_ATRIUM, {BORDERLINE, {"Right atrial enlargement"}, {"Hypertrophie auriculaire droite"}}},
    {FINDING_LEFT_ATRIUM,
     {BORDERLINE,
      {"Left atrial enlargement", "Possible left atrial enlargement"},
      {"Hypertrophie auriculaire gauche", "Hypertrophie auriculaire gauche possible"}}},
    {FINDING_PREEXCITATION,
     {ABNORMAL,
      {"Wolff-Parkinson-White", "Ventricular pre-excitation, WPW pattern"},
      {"Préexcitation ventriculaire (Wolff-Parkinson-White)", "Syndrome de Wolff-Parkinson-White"}}},
    {FINDING_LEFT_AXIS, {BORDERLINE, {"Left axis deviation", "Leftward axis"}, {"Déviation axiale gauche"}}},
    {FINDING_RIGHT_AXIS,
     {BORDERLINE, {"Rightward axis", "Right axis deviation"}, {"Déviation axiale droite"}}},
    {FINDING_RIGHT_SUPERIOR_AXIS, {ABNORMAL, {"Right superior axis deviation"}, {"Axe supérieur droit"}}},
    {FINDING_LEFT_BUNDLE_BLOCK,
     {ABNORMAL,
      {"Left bundle branch block", "Complete left bundle branch block"},
      {"Bloc de branche gauche", "Bloc complet de branche gauche"}}},
    {FINDING_RIGHT_BUNDLE_BLOCK,
     {ABNORMAL,
      {"Right bundle branch block", "Complete right bundle branch block"},
      {"Bloc de branche droit", "Bloc complet de branche droit"}}},
    {FINDING_NONSPECIFIC_DELAY,
     {ABNORMAL,
      {"Nonspecific intraventricular conduction delay", "Nonspecific intraventricular block"},
      {"Trouble de conduction intraventriculaire non spécifique"}}},
    {FINDING_LEFT_ANTERIOR_FASCICLE,
     {ABNORMAL, {"Left anterior fascicular block"}, {"Hémibloc antérieur gauche"}}},
    {FINDING_LEFT_POSTERIOR_FASCICLE,
     {ABNORMAL, {"Left posterior fascicular block"}, {"Hémibloc postérieur gauche"}}},
    {FINDING_LOW_VOLTAGE, {BORDERLINE, {"Low voltage QRS"}, {"Bas voltage", "Microvoltage des QRS"}}},
    {FINDING_LEFT_HYPERTROPHY,
     {ABNORMAL,
      {"Voltage criteria for left ventricular hypertrophy", "Left ventricular hypertrophy",
       "Moderate voltage criteria for LVH, may be normal variant"},
      {"Hypertrophie ventriculaire gauche",
       "Critères de voltage pour une hypertrophie ventriculaire gauche"}}},
    {FINDING_HIGH_R_AVL, {HARMLESS, {"( R in aVL )"}, {"( R en aVL )"}}},
    {FINDING_SOKOLOW, {HARMLESS, {"( Sokolow-Lyon )"}, {"( Sokolow-Lyon )"}}},
    {FINDING_RIGHT_HYPERTROPHY,
     {ABNORMAL,
      {"Right ventricular hypertrophy", "Possible right ventricular hypertrophy"},
      {"Hypertrophie ventriculaire droite"}}},
    {FINDING_Q_SEPTAL,
     {ABNORMAL,
      {"Septal infarct, age undetermined", "Cannot rule out septal infarct"},
      {"Infarctus septal d'âge indéterminé", "Onde Q septale"}}},
    {FINDING_Q_ANTERIOR,
     {ABNORMAL,
      {"Anterior infarct, age undetermined", "Cannot rule out anterior infarct"},
      {"Infarctus antérieur d'âge indéterminé", "Onde Q antérieure"}}},
    {FINDING_Q_LATERAL,
     {ABNORMAL,
      {"Lateral infarct, age undetermined", "Possible lateral infarct"},
      {"Infarctus latéral d'âge indéterminé", "Onde Q latérale"}}},
    {FINDING_Q_INFERIOR,
     {ABNORMAL,
      {"Inferior infarct, age undetermined", "Possible inferior infarct"},
      {"Infarctus inférieur d'âge indéterminé", "Onde Q inférieure"}}},
    {FINDING_ACUTE_INFARCTION,
     {ABNORMAL,
      {"** ** ACUTE MI / STEMI ** **", "** ** ** * ACUTE MI * ** ** **"},
      {"** ** INFARCTUS AIGU ** **"}}},
    {FINDING_PERICARDITIS,
     {ABNORMAL, {"Acute pericarditis", "ST elevation, probable acute pericarditis"}, {"Péricardite aiguë"}}},
    {FINDING_EARLY_REPOLARISATION,
     {MINOR,
      {"Early repolarization", "ST elevation, probably due to early repolarization"},
      {"Repolarisation précoce"}}},
    {FINDING_ST_ELEVATION_SEPTAL,
     {ABNORMAL,
      {"ST elevation in septal leads", "Septal ST elevation"},
      {"Sus-décalage du segment ST en septal"}}},
    {FINDING_ST_ELEVATION_ANTERIOR,
     {ABNORMAL,
      {"ST elevation in anterior leads", "ST elevation, consider anterior injury"},
      {"Sus-décalage du segment ST en antérieur"}}},
    {FINDING_ST_ELEVATION_LATERAL,
     {ABNORMAL,
      {"ST elevation in lateral leads", "ST elevation, consider lateral injury"},
      {"Sus-décalage du segment ST en latéral"}}},
    {FINDING_ST_ELEVATION_INFERIOR,
     {ABNORMAL,
      {"ST elevation in inferior leads", "ST elevation, consider inferior injury"},
      {"Sus-décalage du segment ST en inférieur"}}},
    {FINDING_ST_DEPRESSION_SEPTAL,
     {ABNORMAL, {"ST depression in septal leads"}, {"Sous-décalage du segment ST en septal"}}},
    {FINDING_ST_DEPRESSION_ANTERIOR,
     {ABNORMAL,
      {"ST depression in anterior leads", "ST & T wave abnormality, consider anterior ischemia"},
      {"Sous-décalage du segment ST en antérieur"}}},
    {FINDING_ST_DEPRESSION_LATERAL,
     {ABNORMAL,
      {"ST depression in lateral leads", "ST & T wave abnormality, consider lateral ischemia"},
      {"Sous-décalage du segment ST en latéral"}}},
    {FINDING_ST_DEPRESSION_INFERIOR,
     {ABNORMAL,
      {"ST depression in inferior leads", "ST & T wave abnormality, consider inferior ischemia"},
      {"Sous-décalage du segment ST en inférieur"}}},
    {FINDING_T_INVERSION_SEPTAL,
     {ABNORMAL, {"T wave inversion in septal leads"}, {"Onde T inversée en septal"}}},
    {FINDING_T_INVERSION_ANTERIOR,
     {ABNORMAL,
      {"T wave inversion in anterior leads", "T wave abnormality, consider anterior ischemia"},
      {"Onde T inversée en antérieur", "Anomalie de l'onde T, ischémie antérieure à considérer"}}},
    {FINDING_T_INVERSION_LATERAL,
     {ABNORMAL,
      {"T wave inversion in lateral leads", "T wave abnormality, consider lateral ischemia"},
      {"Onde T inversée en latéral", "Anomalie de l'onde T, ischémie latérale à considérer"}}},
    {FINDING_T_INVERSION_INFERIOR,
     {ABNORMAL,
      {"T wave inversion in inferior leads", "T wave abnormality, consider inferior ischemia"},
      {"Onde T inversée en inférieur", "Anomalie de l'onde T, ischémie inférieure à considérer"}}},
    {FINDING_LONG_QT,
     {ABNORMAL, {"Prolonged QT", "Prolonged QT interval"}, {"QT prolongé", "Intervalle QT allongé"}}},
    {FINDING_U_WAVE, {BORDERLINE, {"Prominent U waves"}, {"Onde U proéminente"}}},
};

static const phrase poor_quality = {HARMLESS,
                                    {"*** Poor data quality, interpretation may be adversely affected"},
                                    {"*** Tracé de mauvaise qualité, l'interprétation peut en souffrir"}};

static const phrase closings[] = {
    [HARMLESS] = {HARMLESS, {"Normal ECG"}, {"ECG normal", "Tracé dans les limites de la normale"}},
    [MINOR] = {HARMLESS, {"Otherwise normal ECG"}, {"ECG par ailleurs normal"}},
    [BORDERLINE] = {HARMLESS, {"Borderline ECG"}, {"ECG à la limite de la normale"}},
    [ABNORMAL] = {HARMLESS, {"Abnormal ECG"}, {"ECG anormal"}},
};

typedef struct writer {
  synth_statements *out;
  random_stream *random;
  bool french;
  gravity worst;
} writer;

static void say(writer *w, const phrase *words) {
  const char *const *variants = w->french ? words->french : words->english;
  size_t count = 0;
  while (count < VARIANTS && variants[count] != NULL)
    count++;
  size_t chosen = random_index(w->random, count);
  if (words->weight > w->worst)
    w->worst = words->weight;
  if (w->out->count < SYNTH_STATEMENTS)
    w->out->items[w->out->count++].text = variants[chosen];
}

static void end_line(writer *w) {
  w->out->items[w->out->count - 1].ends_line = true;
}

static const phrase *rhythm_words(const heart_patient *patient, const heart_measurements *m) {
  switch (patient->rhythm) {
  case RHYTHM_SINUS: {
    bool premature = m->premature_atrial + m->premature_ventricular > 0;
    double rate = premature ? patient->rate_bpm : m->rate_bpm;
    if (rate > 100)
      return &sinus_tachycardia;
    if (rate < 60)
      return rate < 50 ? &marked_bradycardia : &sinus_bradycardia;
    return premature || m->pr_s > 0.200 ? &sinus_plain : &sinus_rhythm;
  }
  case RHYTHM_ECTOPIC_ATRIAL:
    return m->rate_bpm >= 100 ? &atrial_tachycardia : &ectopic_atrial;
  default:
    return &rhythm_phrases[patient->rhythm];
  }
}

/* How the ventricles answer to atria that flutter or fibrillate; NULL where nothing is said of it. */
static const phrase *response_words(const heart_patient *patient, const heart_measurements *m) {
  if (patient->rhythm == RHYTHM_ATRIAL_FIBRILLATION)
    return m->rate_bpm > 100 ? &rapid_response : m->rate_bpm < 60 ? &slow_response : NULL;
  if (patient->rhythm == RHYTHM_COMPLETE_BLOCK)
    return heart_beats_are_ventricular(patient) ? &escape : NULL;
  if (patient->rhythm != RHYTHM_ATRIAL_FLUTTER)
    return NULL;
  if (m->rr_variation > 0.10)
    return &variable_block;
  return m->rate_bpm > 118 ? &two_to_one : m->rate_bpm > 83 ? &three_to_one : &four_to_one;
}

static void say_premature(writer *w, const heart_measurements *m) {
  if (m->premature_ventricular > 0)
    say(w, m->premature_ventricular >= 4 && m->ectopy_every_other ? &bigeminy
           : m->premature_ventricular >= 3                        ? &many_ventricular
                                                                  : &few_ventricular);
  if (m->premature_atrial > 0)
    say(w, m->premature_atrial >= 3 ? &many_atrial : &few_atrial);
}

static bool implied(synth_finding finding, const synth_findings *f) {
  bool bothers = finding == FINDING_LEFT_ATRIUM || finding == FINDING_RIGHT_ATRIUM;
  bool voltage = finding == FINDING_HIGH_R_AVL || finding == FINDING_SOKOLOW;
  bool axis =
      finding == FINDING_LEFT_AXIS || finding == FINDING_RIGHT_AXIS || finding == FINDING_RIGHT_SUPERIOR_AXIS;
  bool ventricular = f->has[FINDING_VENTRICULAR_PACED] || f->has[FINDING_VENTRICULAR_TACHYCARDIA] ||
                     f->has[FINDING_VENTRICULAR_RHYTHM];
  return (bothers && f->has[FINDING_BOTH_ATRIA]) || (voltage && !f->has[FINDING_LEFT_HYPERTROPHY]) ||
         (axis && ventricular) || (finding == FINDING_LONG_QT && ventricular);
}

synth_statements synth_statements_write(const heart_patient *patient, const heart_measurements *m,
                                        const synth_findings *f, random_stream *random) {
  synth_statements statements = {0};
  writer w = {.out = &statements, .random = random, .french = random_chance(random, 1.0 / 3.0)};
  if (f->has[FINDING_POOR_QUALITY]) {
    say(&w, &poor_quality);
    end_line(&w);
  }
  say(&w, rhythm_words(patient, m));
  const phrase *response = response_words(patient, m);
  if (response != NULL)
    say(&w, response);
  if (f->has[FINDING_FIRST_DEGREE_BLOCK])
    say(&w, &first_degree);
  say_premature(&w, m);
  end_line(&w);
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    if (!f->has[lines[i].finding] || implied(lines[i].finding, f))
      continue;
    say(&w, &lines[i].words);
    end_line(&w);
  }
  say(&w, &closings[w.worst]);
  end_line(&w);
  return statements;
}

bool synth_statements_join(const synth_statements *statements, buffer *out, error *err) {
  for (size_t i = 0; i < statements->count; i++) {
    if ((i > 0 && !buffer_append_text(out, " ", err)) ||
        !buffer_append_text(out, statements->items[i].text, err))
      return false;
  }
  return true;
}
