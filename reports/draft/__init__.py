"""The contact sheet of a draft: every slice with the outline, for the person who reviews it."""
