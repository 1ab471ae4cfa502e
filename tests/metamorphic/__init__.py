"""Changes of an image that leave the patient as the patient is, and what the scores may do under them."""
