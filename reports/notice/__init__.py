"""The notice that a study was not processed: its reasons, its words, its picture."""
