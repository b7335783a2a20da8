"""Write, audit, publish: the manifest, the candidate, its comparison with latest, serving and the promotion."""
