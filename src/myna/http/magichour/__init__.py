"""Magic Hour's audio API: https://docs.magichour.ai."""
