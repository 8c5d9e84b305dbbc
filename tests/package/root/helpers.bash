# shellcheck shell=bash
# What the tests in a thrown-away file system load; tests/package/in-root runs them there. $PACKAGE is the Debian
# package, $PROJECT the sources.

bats_require_minimum_version 1.5.0
[ -e /.thrown-away ] || {
	echo "these tests change the system: tests/package/in-root runs them in one that is thrown away" >&2
	exit 1
}

STATE=/var/lib/canhazgpu
CONFIGURATION=/etc/canhazgpu/config.yaml

# Installs the package with what it depends on.
install_with_dependencies() {
	package --install "$PACKAGE" 2>/dev/null && return
	{ apt-get -f install -y --no-install-recommends || { apt-get update && apt-get -f install -y --no-install-recommends; }; } \
		>/tmp/apt.log 2>&1 || { tail -n 20 /tmp/apt.log >&2; return 1; }
	dpkg-query -W -f '${db:Status-Status}\n' canhazgpu | grep -qx installed
}

# package --install|--purge ...: quietly, without questions, and without what is no matter of the package.
package() {
	dpkg --force-confdef --force-confold --force-unsafe-io --no-triggers "$@" >/tmp/dpkg.log 2>&1 ||
		{ cat /tmp/dpkg.log >&2; return 1; }
}

# As if the package had never been here.
forget_package() {
	package --purge canhazgpu
	dpkg-statoverride --remove /usr/bin/canhazgpu >/dev/null 2>&1 || true
}

# rebuilt NAME VERSION [SCRIPT]: prints the path of the package in another version, changed by a script that runs in its tree.
# (The group is there since the first installation, so the program keeps it.)
rebuilt() {
	local name=$1 version=$2 tree
	tree=$(mktemp -d)
	chmod 0755 "$tree"
	dpkg-deb --raw-extract "$PACKAGE" "$tree"
	sed -i "s/^Version: .*/Version: $version/" "$tree/DEBIAN/control"
	(cd "$tree" && eval "${3:-}")
	dpkg-deb --build "$tree" "/tmp/$name.deb" >/dev/null
	rm -r "$tree"
	echo "/tmp/$name.deb"
}

another_version() {
	rebuilt "canhazgpu_$1" "$1"
}

# The same with a configuration file of the package's own, which says its version: dpkg asks about such a file at an
# upgrade where the administrator has changed it.
with_conffile() {
	rebuilt "conffile_$1" "$1" "
		echo '# of version $1' >etc/canhazgpu/config.yaml
		echo /etc/canhazgpu/config.yaml >DEBIAN/conffiles"
}

# As packages were before the archive itself had group and mode: the program has them only once it is configured.
package_before() {
	rebuilt before 0.0.1 '
		echo "# of version 0.0.1" >etc/canhazgpu/config.yaml
		echo /etc/canhazgpu/config.yaml >DEBIAN/conffiles
		rm DEBIAN/preinst
		chgrp root usr/bin/canhazgpu
		chmod 0755 usr/bin/canhazgpu
		rmdir etc/canhazgpu/config.d
		sed -i "s/^exit 0/chgrp canhazgpu \/usr\/bin\/canhazgpu\nchmod 2755 \/usr\/bin\/canhazgpu/" DEBIAN/postinst'
}

mode() {
	stat -c '%A %U:%G' "$1"
}

# as NAME COMMAND...: as that account after its login.
as() {
	local name=$1 home
	shift
	home=$(getent passwd "$name" | cut -d : -f 6)
	setpriv --reuid "$name" --regid "$name" --init-groups \
		env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$home" USER="$name" LOGNAME="$name" LANG=C.UTF-8 "$@"
}

# Who holds each GPU, or "-": "alice - bob".
holders() {
	canhazgpu status --json | jq -r '[.[] | .user // "-"] | join(" ")'
}

assert_equal() {
	[ "$1" = "$2" ] || {
		echo "got '$1', expected '$2'" >&2
		return 1
	}
}

# wait_until 'CONDITION': looks until it is true, at most a minute.
wait_until() {
	local end=$((SECONDS + 60))
	until eval "$1"; do
		[ $SECONDS -lt $end ] || { echo "not true within a minute: $1" >&2; return 1; }
		sleep 0.05
	done
}

# Every path in the system that has to do with the program.
traces() {
	find /etc /opt /usr /var \( -path /var/lib/dpkg -o -path /var/cache -o -path /var/log -o -path "$PROJECT" \) -prune \
		-o \( -name '*canhazgpu*' -o -name chg -o -name 'chg.*' \) -print | sort
}
