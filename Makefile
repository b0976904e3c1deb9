.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench i18n

help: ## What can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: ## Odoo 19 with Chilean invoices and the AI service, until Ctrl-C
	@python3 -m dev demo

test: ## Every test: service, addon, browser
	@python3 -m dev test

lint: ## Style and Odoo's conventions
	@python3 -m dev lint

format: ## Mend what `make lint` can mend
	@python3 -m dev lint --fix

bench: ## The figures that we claim
	@python3 -m dev bench

i18n: ## Export the addon's texts, and update the translations
	@python3 -m dev i18n
