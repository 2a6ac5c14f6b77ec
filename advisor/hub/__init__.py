"""The model hub: plan, download, verify, read headers. Only here is huggingface_hub imported."""
