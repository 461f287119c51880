# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_sstpctl_global_optspecs
    string join \n h/help V/version
end

function __fish_sstpctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_sstpctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_sstpctl_using_subcommand
    set -l cmd (__fish_sstpctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c sstpctl -n "__fish_sstpctl_needs_command" -s h -l help -d 'Print help'
complete -c sstpctl -n "__fish_sstpctl_needs_command" -s V -l version -d 'Print version'
complete -c sstpctl -n "__fish_sstpctl_needs_command" -f -a "connect" -d 'Connect a stored profile, or a gateway by settings given here'
complete -c sstpctl -n "__fish_sstpctl_needs_command" -f -a "disconnect" -d 'End a session and undo what it changed on this machine'
complete -c sstpctl -n "__fish_sstpctl_needs_command" -f -a "status" -d 'Show sessions: state, addresses, routes, encryption, traffic'
complete -c sstpctl -n "__fish_sstpctl_needs_command" -f -a "list" -d 'List the stored profiles and what is connected'
complete -c sstpctl -n "__fish_sstpctl_needs_command" -f -a "probe" -d 'Look at a server without logging in: certificate, TLS, SSTP, authentication'
complete -c sstpctl -n "__fish_sstpctl_needs_command" -f -a "profile" -d 'Show and change stored profiles'
complete -c sstpctl -n "__fish_sstpctl_needs_command" -f -a "logs" -d 'Show what the helper wrote to the journal'
complete -c sstpctl -n "__fish_sstpctl_needs_command" -f -a "completions" -d 'Write a completion script to standard output'
complete -c sstpctl -n "__fish_sstpctl_needs_command" -f -a "version" -d 'Show the versions of this program and of the helper that runs'
complete -c sstpctl -n "__fish_sstpctl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand connect" -l gateway -d 'Server to connect to, without a profile: NAME, NAME:PORT, an address' -r -f -a "(__fish_print_hostnames)"
complete -c sstpctl -n "__fish_sstpctl_using_subcommand connect" -l user -d 'User name at that server; asked for where it is missing' -r
complete -c sstpctl -n "__fish_sstpctl_using_subcommand connect" -l set -d 'One more setting, as in nm-sstp(5); may be repeated' -r
complete -c sstpctl -n "__fish_sstpctl_using_subcommand connect" -l wait -d 'Give up, and disconnect, after this many seconds; 0: do not wait at all' -r
complete -c sstpctl -n "__fish_sstpctl_using_subcommand connect" -l password-file -d 'Read the password from the first line of a file' -r -F
complete -c sstpctl -n "__fish_sstpctl_using_subcommand connect" -l no-ask -d 'Never ask for anything: a secret that is missing is an error'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand connect" -l password-stdin -d 'Read the password from the first line of standard input'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand connect" -l foreground -d 'Stay until the session ends; SIGINT and SIGTERM end it'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand connect" -s h -l help -d 'Print help'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand disconnect" -l wait -d 'How long to wait until everything is undone' -r
complete -c sstpctl -n "__fish_sstpctl_using_subcommand disconnect" -l all -d 'End all of your sessions (root: all sessions)'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand disconnect" -s h -l help -d 'Print help'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand status" -s w -l watch -d 'Show it again every second, with rates and a graph, until interrupted'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand status" -l json -d 'As JSON; with --watch one object per line'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand status" -s h -l help -d 'Print help'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand list" -l json -d 'As JSON'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand list" -l names -d 'Only the names of the profiles, one per line'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand list" -s h -l help -d 'Print help'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand probe" -l set -d 'A setting that says how to reach it or what to accept, such as ca-cert; may be repeated' -r
complete -c sstpctl -n "__fish_sstpctl_using_subcommand probe" -l json -d 'As JSON'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand probe" -s h -l help -d 'Print help'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and not __fish_seen_subcommand_from add show edit remove import export help" -s h -l help -d 'Print help'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and not __fish_seen_subcommand_from add show edit remove import export help" -f -a "add" -d 'Store a new profile'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and not __fish_seen_subcommand_from add show edit remove import export help" -f -a "show" -d 'Show a profile, without its secrets'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and not __fish_seen_subcommand_from add show edit remove import export help" -f -a "edit" -d 'Change a profile in an editor, or by --set and --unset'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and not __fish_seen_subcommand_from add show edit remove import export help" -f -a "remove" -d 'Remove a profile and its secrets'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and not __fish_seen_subcommand_from add show edit remove import export help" -f -a "import" -d 'Store profiles from a file of ours, NetworkManager, Windows, RouterOS, sstpc or pppd'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and not __fish_seen_subcommand_from add show edit remove import export help" -f -a "export" -d 'Write a profile as a file, for us or for another program'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and not __fish_seen_subcommand_from add show edit remove import export help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from add" -l gateway -d 'Server: NAME, NAME:PORT, an address' -r -f -a "(__fish_print_hostnames)"
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from add" -l user -d 'User name; asked for at every connection where it is missing' -r
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from add" -l set -d 'One more setting, as in nm-sstp(5); may be repeated' -r
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from add" -l password-file -d 'Read the password from the first line of a file' -r -F
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from add" -l password-stdin -d 'Read the password from the first line of standard input'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from add" -l replace -d 'Also where there is a profile of that name'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from show" -l json -d 'As JSON'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from edit" -l set -d 'Set this and start no editor; may be repeated' -r
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from edit" -l unset -d 'Take this setting away and start no editor; may be repeated' -r
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from edit" -l password-file -d 'Read the password from the first line of a file' -r -F
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from edit" -l password-stdin -d 'Read the password from the first line of standard input'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from edit" -s h -l help -d 'Print help'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from import" -l entry -d 'The connection to take from a file with several, by its name there' -r
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from import" -l name -d 'Name of the profile; where it is missing, the connection\'s, else the file\'s' -r
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from import" -l all -d 'Take all connections of the file'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from import" -l replace -d 'Also where there is a profile of that name'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from export" -l format -d 'The format; where it is missing, that of the file\'s ending, else toml' -r -f -a "toml\t'Our own, for sstpctl profile import'
nmconnection\t'A connection of NetworkManager'
pbk\t'A phone book of Windows (rasphone.pbk)'
routeros\t'A command for MikroTik\'s RouterOS'
peers\t'A peers file for pppd and sstpc'"
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from export" -s o -l output -d 'File to write, which must not be there yet; standard output where it is missing' -r -F
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from export" -l secrets -d 'Write the secrets, too, in clear; only who may read them in /etc/nm-sstp can do so'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from help" -f -a "add" -d 'Store a new profile'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a profile, without its secrets'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from help" -f -a "edit" -d 'Change a profile in an editor, or by --set and --unset'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Remove a profile and its secrets'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from help" -f -a "import" -d 'Store profiles from a file of ours, NetworkManager, Windows, RouterOS, sstpc or pppd'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from help" -f -a "export" -d 'Write a profile as a file, for us or for another program'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand profile; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand logs" -s f -l follow -d 'Go on showing what is written'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand logs" -s h -l help -d 'Print help'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand version" -s h -l help -d 'Print help'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and not __fish_seen_subcommand_from connect disconnect status list probe profile logs completions version help" -f -a "connect" -d 'Connect a stored profile, or a gateway by settings given here'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and not __fish_seen_subcommand_from connect disconnect status list probe profile logs completions version help" -f -a "disconnect" -d 'End a session and undo what it changed on this machine'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and not __fish_seen_subcommand_from connect disconnect status list probe profile logs completions version help" -f -a "status" -d 'Show sessions: state, addresses, routes, encryption, traffic'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and not __fish_seen_subcommand_from connect disconnect status list probe profile logs completions version help" -f -a "list" -d 'List the stored profiles and what is connected'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and not __fish_seen_subcommand_from connect disconnect status list probe profile logs completions version help" -f -a "probe" -d 'Look at a server without logging in: certificate, TLS, SSTP, authentication'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and not __fish_seen_subcommand_from connect disconnect status list probe profile logs completions version help" -f -a "profile" -d 'Show and change stored profiles'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and not __fish_seen_subcommand_from connect disconnect status list probe profile logs completions version help" -f -a "logs" -d 'Show what the helper wrote to the journal'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and not __fish_seen_subcommand_from connect disconnect status list probe profile logs completions version help" -f -a "completions" -d 'Write a completion script to standard output'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and not __fish_seen_subcommand_from connect disconnect status list probe profile logs completions version help" -f -a "version" -d 'Show the versions of this program and of the helper that runs'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and not __fish_seen_subcommand_from connect disconnect status list probe profile logs completions version help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and __fish_seen_subcommand_from profile" -f -a "add" -d 'Store a new profile'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and __fish_seen_subcommand_from profile" -f -a "show" -d 'Show a profile, without its secrets'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and __fish_seen_subcommand_from profile" -f -a "edit" -d 'Change a profile in an editor, or by --set and --unset'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and __fish_seen_subcommand_from profile" -f -a "remove" -d 'Remove a profile and its secrets'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and __fish_seen_subcommand_from profile" -f -a "import" -d 'Store profiles from a file of ours, NetworkManager, Windows, RouterOS, sstpc or pppd'
complete -c sstpctl -n "__fish_sstpctl_using_subcommand help; and __fish_seen_subcommand_from profile" -f -a "export" -d 'Write a profile as a file, for us or for another program'

complete -c sstpctl -n "__fish_seen_subcommand_from connect disconnect status logs" -f -a "(sstpctl list --names 2>/dev/null)"
complete -c sstpctl -n "__fish_seen_subcommand_from profile; and __fish_seen_subcommand_from show edit remove export" -f -a "(sstpctl list --names 2>/dev/null)"
