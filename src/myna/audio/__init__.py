"""Sound: samples in, samples out, without any file or network."""
