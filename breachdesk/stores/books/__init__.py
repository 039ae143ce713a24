"""Read and write each kind of record (one book each), and open the books in a unit of work."""
