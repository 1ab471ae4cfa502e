"""English: the texts of `reports.wording`, `validity_words`, `numerals` and `feature_words`."""
