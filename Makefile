# Diffusion Models, Step by Step. `make help` lists what can be made.
# Every target runs tools/build.py, which does all the set-up it needs in .venv. Without make (Windows):
#   py tools/build.py book

.DEFAULT_GOAL := help
.PHONY: help book serve pdf zip test twice colab oldest mutants mutation coverage lab bench bench-gpu lint repository release clean

# The first Python of 3.11 or newer; `make book PYTHON=/path/to/python` chooses another one.
# Each is tried, since a name on the PATH may be a broken shim or too old.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON := $(shell for p in .venv/bin/python python3.13 python3.12 python3.11 python3 python; do \
	if $$p -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then echo $$p; break; fi; done)
export TORCH_INDEX

ifeq ($(strip $(PYTHON)),)
# Only read, and so only reported, when a target needs it.
BUILD = $(error Python 3.11 or newer is needed and was not found as python3.13, python3.12, python3.11, python3 or python. \
	Install one (apt-get install python3 python3-venv; brew install python; python.org) \
	or say where it is: make $@ PYTHON=/path/to/python)
else
BUILD = @$(PYTHON) tools/build.py
endif

help: ## Show this list
	@echo "make TARGET, where TARGET is"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile
	@echo "The first time downloads several GB. PyTorch comes with the libraries of an NVIDIA GPU on Linux, without on Windows."
	@echo "For the other build, choose it in the selector on pytorch.org and pass the address it shows, once:"
	@echo "  make book TORCH_INDEX=<address>"

book: ## Execute the notebooks that changed and build book/_build/html (ONLY=01_* previews one chapter)
	$(BUILD) book $(if $(ONLY),--only '$(ONLY)')

serve: ## Show the book on http://localhost:8000 (PORT=8001 for another port)
	$(BUILD) serve $(if $(PORT),--port $(PORT))

pdf: ## Print the built book into one PDF, with Chromium
	$(BUILD) pdf

zip: ## Pack the built pages for a stick: unpack, double-click index.html
	$(BUILD) zip

test: ## Run all tests: unit tests, notebooks, book, browser (REUSE=1 keeps executed notebooks, FULL=1 spares nothing)
	$(BUILD) test $(if $(REUSE),--reuse) $(if $(FULL),--full)

twice: ## Run every chapter a second time, in the reverse order: does each show the same, to the bit?
	$(BUILD) twice

colab: ## Run every chapter with the versions that Colab ships, in an environment of its own (SHORT=1: fewer samples)
	$(BUILD) colab $(if $(SHORT),--short)

oldest: ## Run the package's tests with the oldest versions of its libraries that it allows, in an environment of its own
	$(BUILD) oldest

mutants: ## Plant each known mistake in a copy of the package: which test catches it? (resumable; ONLY=clip: those that mention it)
	$(BUILD) mutants $(if $(ONLY),--only '$(ONLY)')

mutation: ## Change the core in every small way: which changes does no test notice? (long, resumable; ONLY=losses)
	$(BUILD) mutation $(if $(ONLY),--only '$(ONLY)')

coverage: ## Which lines and branches of the core do its own tests reach? Below 98 % is an error
	$(BUILD) coverage

lab: ## Open JupyterLab on the chapters as readers see them (EDIT=1: on their sources)
	$(BUILD) lab $(if $(EDIT),--edit)

bench: ## Time this machine: our training and sampling beside a published package's
	$(BUILD) bench

bench-gpu: ## The same on a CUDA GPU
	$(BUILD) bench --device cuda

lint: ## Check the style of code and notebooks
	$(BUILD) lint

repository: ## Move the book to your own address: URL=https://github.com/OWNER/NAME (TAG=1: the version's tag is there)
	$(BUILD) repository '$(URL)' $(if $(TAG),--tag)

release: ## Is what the chapters install on Colab there? (after pushing a tag; needs a network)
	$(BUILD) release

clean: ## Remove everything built (.venv stays)
	$(BUILD) clean
