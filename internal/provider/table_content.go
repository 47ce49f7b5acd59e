package provider

// content are files, pages, mails and streams.
var content = []Sender{}
