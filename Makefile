# make release writes dist/: an archive for each platform, and their checksums. The
# same commit and the same Go give the same bytes.
.PHONY: release
release:
	bash .ci/release
