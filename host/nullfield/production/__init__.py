"""The production bench: acceptance plans of boards, certificates, results over many boards."""
