"""The DSA-110 radio telescope: UVH5 sub-bands that become a mosaic of the sky."""
