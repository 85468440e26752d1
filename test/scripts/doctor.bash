# What the tests of the doctor share. A file installs once; each test brings faults about and undoes them, so that the
# next one begins with a healthy installation again.

# For setup_file, after setup_cluster: an installed world, with the settings given. installed_world OAUTH=off
installed_world() {
  world "$BATS_FILE_TMPDIR/world"
  [ $# = 0 ] || setting "$@"
  after_steps all
}

# For setup: goes to that world.
enter_world() {
  WORLD="$BATS_FILE_TMPDIR/world"
  cd "$WORLD"
}

# The ids of what the doctor finds, the first first.
ids() {
  runbook doctor --json "$@" 2>/dev/null | json '.findings.map((one) => one.id).join(" ")'
}

# Until the controllers have caught up: exactly these ids, in this order. expect_finding PRW-SEC-001
expect_finding() {
  local found='' try
  for try in $(seq 30); do
    found="$(ids)"
    [ "$found" = "$*" ] && return 0
    sleep 1
  done
  echo "wanted: $*, found: $found"
  runbook doctor
  return 1
}
expect_healthy() { expect_finding; }
