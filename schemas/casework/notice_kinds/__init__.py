"""The kinds of notice, one a file. The file's name is the kind's id; it exports one `SPEC`."""
