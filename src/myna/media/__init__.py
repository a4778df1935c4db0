"""The only door to FFmpeg and to untrusted media."""
