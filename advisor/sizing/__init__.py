"""Pure planning: demand, serving, purchase."""
