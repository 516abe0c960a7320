/* What a killed program leaves behind. Whoever makes a temporary file or folder (a name of LEFTOVER_PREFIX)
 * holds a lock on it, which ends with its process however that ends: what nobody holds is nobody's any more.
 */
#ifndef DEEPECG_BASE_LEFTOVERS_H
#define DEEPECG_BASE_LEFTOVERS_H

#include <stdbool.h>

#define LEFTOVER_PREFIX ".deepecg-"

/* Hold what `fd`, just made and open for writing (a folder: for reading), has under `path`, until `fd` and
 * its duplicates are closed. False when leftovers_remove was quicker: close `fd` and make another one. True,
 * too, where the file system knows no locks: then nothing is ever removed there. */
bool leftover_hold(int fd, const char *path);

/* Remove the temporary files (LEFTOVER_PREFIX, 16 hexadecimal digits, .tmp; a time stamp, .run) and folders
 * (LEFTOVER_PREFIX import-, 6 letters or digits) that lie in `folder` and that no living program holds. What
 * can't be removed stays. Where locks hold on one machine only, as on some network file systems, those of
 * programs on other machines are taken for dead. */
void leftovers_remove(const char *folder);

/* The same in the folder that `path` lies in. */
void leftovers_remove_beside(const char *path);

/* Remove a folder and all that is in it, as far as that is possible. */
void folder_remove(const char *path);

#endif
