# install PACKAGE...: installs Debian packages with apt-get, if it is available. Sourced by the scripts here.

install() {
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || return 1
    as_root=(sudo)
  fi
  command -v apt-get >/dev/null || return 1
  # Waits up to two minutes for another process that holds the lock of dpkg.
  "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=120 update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends "$@" >/dev/null
}
