"""The publishing core: store, manifest, registry, promotion, changes, serving, retention."""
