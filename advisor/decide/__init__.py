"""Pure judgement: candidates, quality, ranking, explanation and counterfactuals."""
