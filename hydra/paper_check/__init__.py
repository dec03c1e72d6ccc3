"""A guided check of one's own paper account: step by step, through the gate and the journal."""
