"""What the browser gets: templates, scripts, styles, catalogues."""
