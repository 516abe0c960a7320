/* Large files are mapped (base/mapped_file.h): one that another program cuts meanwhile raises SIGBUS. */
#ifndef DEEPECG_CLI_CUT_FILE_H
#define DEEPECG_CLI_CUT_FILE_H

/* From now on such a signal ends the process with a line on standard error that says so, and exit code 1.
 * Result files are written whole or not at all, so that none is left half done. */
void cut_file_expect(void);

#endif
