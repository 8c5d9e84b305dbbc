/*
 * Memory that cannot fail, and handles that free themselves.
 *
 * Running out of memory ends the program with one line: a command holds a few kilobytes, and every
 * reservation survives the death of the process that made it, so there is nothing to save.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdio.h>

/* Zeroed memory for count elements of size bytes; the caller frees it. Checks for overflow. */
void *mem_alloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* Resizes an array to count elements; what is added is not zeroed. */
void *mem_resize(void *array, size_t count, size_t size) __attribute__((returns_nonnull));

/* A copy of text, or NULL for NULL. The caller frees it. */
char *mem_strdup(const char *text);

/* A formatted string; the caller frees it. */
char *mem_printf(const char *format, ...)
	__attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

/* Frees *text and puts a copy of value there (value may be NULL, or *text itself). */
void mem_replace(char **text, const char *value);

/* Takes the value out of a pointer variable and leaves NULL, for handing ownership on. */
void *mem_steal_pointer(void *variable) __attribute__((nonnull));
#define mem_steal(variable) ((__typeof__(*(variable)))mem_steal_pointer(variable))

/* Takes a descriptor out of a variable and leaves -1. */
int mem_steal_fd(int *fd);

/* For AUTO_...: each gets the address of the variable that goes out of scope. */
void mem_auto_free(void *variable);
void mem_auto_close(int *fd);
void mem_auto_fclose(FILE **file);

/* Frees, or closes, when the variable goes out of scope. Initialise the variable. */
#define AUTO_FREE __attribute__((cleanup(mem_auto_free)))
#define AUTO_CLOSE __attribute__((cleanup(mem_auto_close)))
#define AUTO_FCLOSE __attribute__((cleanup(mem_auto_fclose)))
#define AUTO(clear) __attribute__((cleanup(clear)))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
