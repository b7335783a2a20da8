"""The disaster drill: breaks things on purpose, recovers as docs/runbook.md says, and measures (`make drill`)."""
