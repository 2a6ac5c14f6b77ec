"""Parts of screens. Each draws what it is given, takes foreign text as plain text only, and knows no verb."""
