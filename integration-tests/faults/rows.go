package main

// rows are all faults, in the order of the table in docs/reliability.md.
var rows = []row{
	{
		name: "kill", rounds: 100, quick: 5, run: killUnderLoad,
		fault:    "the process is killed at a random moment under load",
		injected: "SIGKILL while events are accepted and delivered; every other round the endpoint is down",
	},
}
