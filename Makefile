# make             build what is installed, for release; FEATURES=negotiate: with Kerberos for proxies;
#                  DESKTOP=no: without what programs on libnm and GTK need (then neither is needed to build)
# make install     [DESTDIR=/staging] [PREFIX=/usr]; make uninstall takes the same files back
# make check       all tests: check-core, check-code, check-data, check-nm, check-transport, check-auth, check-helper,
#                  check-desktop, each also alone
# make dist        the sources as one file; VENDOR=yes: the crates as another, for builds without the network
# make rpm         packages for Fedora and openSUSE, built here, in target/rpm; make arch-check: what can be seen of Arch's
# make release-check   is everything ready for a release? docs/releasing.md
# make check-memory  the plugin and the editors under valgrind
# make interop     against an SSTP server that is not ours, in a virtual machine
# make screenshots pictures of the editors, for docs/images
# make demo        see it work on this machine, in a sandbox
# make po          find new sentences for the translations (data/po)
# make deb         packages of Debian, in target/deb; make deb-source: the source package, there, too;
#                  make deb-reproducible: whether that one comes to the same packages
# make package-check   the packages of Debian, also on machines of it, and those of rpm and Arch
# make bench       what a tunnel costs on this machine: docs/performance.md

SHELL := /bin/bash
PREFIX ?= /usr
DESTDIR ?=
CARGO ?= cargo
FEATURES ?=
DESKTOP ?= yes
# below PREFIX: where libnm of this machine has its plugins
PLUGINDIR ?= $(or $(patsubst /usr/%,%,$(shell pkg-config --variable=plugindir libnm 2>/dev/null)),lib/NetworkManager)
# also below PREFIX: where programs are that only other programs start; documents
LIBEXECDIR ?= libexec
DOCDIR ?= share/doc/nm-sstp
TARGET := $(or $(CARGO_TARGET_DIR),target)
# what takes the debug information out of what is installed; STRIP= leaves it in, for packages that keep it elsewhere
STRIP ?= strip --strip-debug

# Where the sources, the crates and the build are is not in what is built. There are four of these always, since rustc's
# hashes depend on their number. Expanded when crates are built: cargo makes the directory of the registry when it fetches
# them.
CARGO_HOME ?= $(HOME)/.cargo
REGISTRY = $(or $(shell ls -dt $(CARGO_HOME)/registry/src/* 2>/dev/null | head -n 1),$(CARGO_HOME)/registry/src/none)
REMAPPED = $(CURDIR)=/usr/src/nm-sstp $(abspath $(TARGET))=/usr/src/nm-sstp/target \
	$(addsuffix =/usr/share/cargo/registry,$(CURDIR)/vendor $(REGISTRY))
# bindgen has what it writes formatted, by the nearest rustfmt.toml: ours where the crates are below this directory, none
# where they are in the registry. So nothing formats it.
BUILD = RUSTFMT=false RUSTFLAGS="$(strip $(RUSTFLAGS) $(addprefix --remap-path-prefix=,$(REMAPPED)))" $(CARGO) build

# Translations: the languages, and what is made of them.
LINGUAS := $(shell sed 's/\#.*//' data/po/LINGUAS)
WORDS = $(TARGET)/release/words
CATALOGUE = $(TARGET)/release/locale/$(1)/LC_MESSAGES/nm-sstp.mo

# Every installed file: mode, source, place below PREFIX, or from the root on with a slash. `make install` makes *.in
# files into what they are named for by putting PREFIX, PLUGINDIR and LIBEXECDIR in the places of @PREFIX@ and so on.
INSTALLED = \
	755:$(TARGET)/release/nm-sstp-service:$(LIBEXECDIR)/nm-sstp-service \
	755:$(TARGET)/release/nm-sstp-auth-dialog:$(LIBEXECDIR)/nm-sstp-auth-dialog \
	755:$(TARGET)/release/sstpctl:bin/sstpctl \
	644:data/nm-sstp-service.name.in:lib/NetworkManager/VPN/nm-sstp-service.name \
	644:data/nm-sstp-service.conf:share/dbus-1/system.d/nm-sstp-service.conf \
	644:data/man/sstpctl.1:share/man/man1/sstpctl.1 \
	644:data/man/nm-sstp.5:share/man/man5/nm-sstp.5 \
	644:data/man/nm-sstp-service.8:share/man/man8/nm-sstp-service.8 \
	644:data/man/nm-sstp-auth-dialog.8:share/man/man8/nm-sstp-auth-dialog.8 \
	644:data/completions/sstpctl.bash:share/bash-completion/completions/sstpctl \
	644:data/completions/_sstpctl:share/zsh/site-functions/_sstpctl \
	644:data/completions/sstpctl.fish:share/fish/vendor_completions.d/sstpctl.fish \
	644:data/nm-sstp.service.in:lib/systemd/system/nm-sstp.service \
	644:data/nm-sstp@.service.in:lib/systemd/system/nm-sstp@.service \
	644:data/org.sstpd.conf:share/dbus-1/system.d/org.sstpd.conf \
	644:data/org.sstpd.service.in:share/dbus-1/system-services/org.sstpd.service \
	644:data/org.sstpd.Manager1.xml:share/dbus-1/interfaces/org.sstpd.Manager1.xml \
	644:data/org.sstpd.Session1.xml:share/dbus-1/interfaces/org.sstpd.Session1.xml \
	644:$(WORDS)/org.sstpd.policy:share/polkit-1/actions/org.sstpd.policy \
	644:$(WORDS)/network-manager-sstp.metainfo.xml:share/metainfo/network-manager-sstp.metainfo.xml \
	644:data/icons/hicolor/scalable/apps/nm-sstp.svg:share/icons/hicolor/scalable/apps/nm-sstp.svg \
	644:data/icons/hicolor/symbolic/apps/nm-sstp-symbolic.svg:share/icons/hicolor/symbolic/apps/nm-sstp-symbolic.svg \
	$(foreach language,$(LINGUAS),644:$(call CATALOGUE,$(language)):share/locale/$(language)/LC_MESSAGES/nm-sstp.mo)

# A page for each command of sstpctl, made of sstpctl.1; the Makefile's variables are read before anything is built.
COMMAND_PAGES := $(shell awk -f data/man/commands -v list=1 data/man/sstpctl.1)
INSTALLED += $(foreach page,$(COMMAND_PAGES),644:$(TARGET)/release/man/$(page).1:share/man/man1/$(page).1)

# What all of it is made of: a bill of materials, and the licences of the crates.
INSTALLED += \
	644:packaging/bom/nm-sstp.cdx.json:$(DOCDIR)/nm-sstp.cdx.json \
	644:packaging/bom/licences.txt:$(DOCDIR)/licences.txt

# APPARMOR=yes, also with `make install`: the profile of the helper, for distributions that have AppArmor.
APPARMOR ?= no
ifneq ($(APPARMOR),no)
INSTALLED += 644:packaging/apparmor/nm-sstp-service.in:/etc/apparmor.d/nm-sstp-service
endif

# The libraries that programs on libnm load, and the window of the authentication dialog. A profile of their own has
# panics that unwind.
DESKTOP_PACKAGES = nm-sstp-plugin nm-sstp-editor-gtk3 nm-sstp-editor-gtk4 nm-sstp-auth-window
DESKTOP_INSTALLED = \
	755:$(TARGET)/plugin/nm-sstp-auth-window:$(LIBEXECDIR)/nm-sstp-auth-window \
	644:$(TARGET)/plugin/libnm_vpn_plugin_sstp.so:$(PLUGINDIR)/libnm-vpn-plugin-sstp.so \
	644:$(TARGET)/plugin/libnm_sstp_editor_gtk3.so:$(PLUGINDIR)/libnm-vpn-plugin-sstp-editor.so \
	644:$(TARGET)/plugin/libnm_sstp_editor_gtk4.so:$(PLUGINDIR)/libnm-gtk4-vpn-plugin-sstp-editor.so

ifneq ($(DESKTOP),no)
INSTALLED += $(DESKTOP_INSTALLED)
BUILD_DESKTOP = build-desktop
endif

.PHONY: all plugin-directory build crates words po build-desktop build-lab build-bench install uninstall installed \
	check check-core check-code check-nm check-transport check-auth check-helper check-desktop \
	check-memory interop screenshots deb deb-needs deb-source deb-reproducible package-check demo bench

all: build

# where the programs will look for translations
build build-desktop build-lab build-bench: export NM_SSTP_LOCALEDIR = $(PREFIX)/share/locale
build: words man crates $(BUILD_DESKTOP)
	$(BUILD) --release --package nm-sstp --package nm-sstp-auth-dialog --features "$(FEATURES)"

crates:
	@$(CARGO) fetch --quiet --target "$$($(CARGO) -vV | sed -n 's/^host: //p')"

build-desktop: crates
	$(BUILD) --profile plugin $(DESKTOP_PACKAGES:%=--package %)

words: $(foreach language,$(LINGUAS),$(call CATALOGUE,$(language))) $(WORDS)/org.sstpd.policy $(WORDS)/network-manager-sstp.metainfo.xml

$(call CATALOGUE,%): data/po/%.po
	@install -d $(@D)
	msgfmt --output-file=$@ $<

$(WORDS)/%: polkit/% data/po/LINGUAS $(LINGUAS:%=data/po/%.po)
	$(MERGE)

$(WORDS)/%: data/% data/po/LINGUAS $(LINGUAS:%=data/po/%.po)
	$(MERGE)

# a file of XML with the translations in it; which of it has sentences, data/po/its says
define MERGE
@install -d $(@D)
GETTEXTDATADIR=$(CURDIR)/data/po msgfmt --xml -d data/po --template=$< --output-file=$@
endef

# after a change of what the programs say: the template, and what is new in the translations
po:
	@data/po/update

.PHONY: man
man: $(COMMAND_PAGES:%=$(TARGET)/release/man/%.1)

$(COMMAND_PAGES:%=$(TARGET)/release/man/%.1) &: data/man/sstpctl.1 data/man/commands
	@install -d $(@D)
	awk -f data/man/commands -v into=$(@D) data/man/sstpctl.1

# with the server that the tests and the demo use
build-lab: words man crates
	$(BUILD) --release --package nm-sstp --package nm-sstp-auth-dialog \
		--package sstp-test-server --features "sstp-test-server/daemon $(FEATURES)"

build-bench: build-lab
	$(BUILD) --release --package sstp-bench

install: words man
	@set -e; for file in $(INSTALLED); do \
		IFS=: read -r mode source place <<< "$$file"; \
		case $$place in /*) to="$(DESTDIR)$$place" ;; *) to="$(DESTDIR)$(PREFIX)/$$place" ;; esac; \
		[ -e "$$source" ] || { echo "$$source is not there: run make first" >&2; exit 1; }; \
		echo "install $$to"; \
		case $$source in \
		*.in) install -d "$${to%/*}"; sed 's|@PREFIX@|$(PREFIX)|g; s|@PLUGINDIR@|$(PLUGINDIR)|g; s|@LIBEXECDIR@|$(LIBEXECDIR)|g' "$$source" >"$$to"; chmod "$$mode" "$$to" ;; \
		*) install -D -m "$$mode" "$$source" "$$to" ;; \
		esac; \
		case $$source in $(TARGET)/release/*/*) ;; $(TARGET)/*) $(or $(STRIP),:) "$$to" ;; esac; \
	done

uninstall:
	@for file in $(INSTALLED); do \
		place="$${file##*:}"; \
		case $$place in /*) to="$(DESTDIR)$$place" ;; *) to="$(DESTDIR)$(PREFIX)/$$place" ;; esac; \
		echo "remove $$to"; rm -f "$$to"; \
	done

# the places of the list, for the recipes of packages
installed:
	@printf '%s\n' $(patsubst $(PREFIX)//%,/%,$(foreach file,$(INSTALLED),$(PREFIX)/$(lastword $(subst :, ,$(file)))))

# where the tests find what was installed
plugin-directory:
	@echo $(PLUGINDIR)

# With `make -j2` those that keep the processors busy have others beside them, which mostly wait for timers.
check: check-core check-nm check-transport check-code check-auth check-helper check-desktop check-data

check-core:
	@tests/check-core

check-code:
	@tests/check-code

check-nm: build-lab
	@status=0; for part in run run-learned; do tests/nm/$$part || status=1; done; exit $$status

check-transport: build-lab
	@status=0; for part in run run-proxies; do tests/transport/$$part || status=1; done; exit $$status

check-auth: build-lab
	@tests/auth/run

check-helper: build-lab
	@tests/helper/run

check-desktop: build-lab build-desktop
	@status=0; for part in run run-windows run-prompts run-shells; do tests/desktop/$$part || status=1; done; exit $$status

check-memory:
	@tests/desktop/memory

interop: build-lab
	@tests/interop/run

screenshots: build-lab build-desktop
	@tests/desktop/pictures

check-data:
	@tests/check-data

.PHONY: dist rpm arch-check check-data release-check
dist:
	@packaging/dist $(TARGET)/dist $(if $(filter yes,$(VENDOR)),--vendor)

rpm: build
	@packaging/rpm/build $(TARGET)/rpm

arch-check: build
	@CASE=Arch tests/package/run

release-check:
	@tests/release-check

demo:
	@tests/demo

bench: build-bench
	@benches/run

# Packages are of what is tested: the build of `make`, with Kerberos.
deb deb-reproducible rpm arch-check package-check: FEATURES = negotiate
deb: deb-needs build
	@packaging/deb pack $(TARGET)/deb

deb-needs:
	@packaging/deb needs

deb-source:
	@packaging/deb source $(TARGET)/deb

deb-reproducible: deb deb-source
	@packaging/deb compare $(TARGET)/deb

package-check: deb deb-source build-lab
	@status=0; for part in run run-machines; do tests/package/$$part || status=1; done; exit $$status
