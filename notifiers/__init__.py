"""Turn decided notices into letters, render the documents, and deliver them by mail."""
