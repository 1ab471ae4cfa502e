"""Key images of a report as pictures for a PACS: the largest section of each sequence, and the subtraction."""
