"""Images: headers, functional groups, planes, pixels, and series with their volumes."""
