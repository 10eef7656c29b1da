"""Signal processing of multichannel field data that knows of gaps; arrays in, arrays out."""
