"""The commands of `rdeepnet`: options in, tables and exit statuses out."""
