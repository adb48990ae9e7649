// Loaded by `-r` in front of the program: takes the debugger's switches away, so that the program's own arguments begin
// where they do when it is started without a debugger.
process.argv.splice(1, process.argv.indexOf(__filename));
