# Sourced by the scripts beside it, as `source "$(dirname "$0")/arguments.sh"`, before anything else happens.
# -h and --help print the comment at the script's head; `refuse` names an argument that is wrong, and ends with exit code 2.
case " $* " in
  *" -h "* | *" --help "*)
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

refuse() {
  echo "$(basename "$0"): $*; see --help" >&2
  exit 2
}
