/* The files of the page, embedded in the program by web/embed. Called by route.c. */
#ifndef WEB_PAGE_H
#define WEB_PAGE_H

/* Plain and compressed (gzip) content. */
struct page_file {
	const char *name; /* "app.js"; NULL behind the last */
	const char *type; /* "text/javascript; charset=utf-8" */
	const char *tag;  /* of its content, for ETag */
	const unsigned char *plain, *plain_end, *gzip, *gzip_end;
};

extern const struct page_file page_files[];

#endif
