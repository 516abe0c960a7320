/* How many rows reach the published operating points. */
#ifndef DEEPECG_PIPELINE_OPERATING_POINTS_H
#define DEEPECG_PIPELINE_OPERATING_POINTS_H

#include "pipeline/outputs.h"

/* Say, label by label, how many rows of a WCR model's 77 probabilities reach the label's operating point
 * (Youden), and once which labels have none. */
void report_operating_points(const task_result *result, const reporter *r);

#endif
