package check

import (
	"fmt"

	"golang.org/x/net/dns/dnsmessage"
)

// errRcode is an answer that says that the server cannot or will not answer.
type errRcode dnsmessage.RCode

func (e errRcode) Error() string { return "it answers " + e.name() }

// name is the RCODE as the IANA registry writes it, or its number if it has no name there.
func (e errRcode) name() string {
	names := [...]string{
		0: "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE", "DSOTYPENI",
		16: "BADSIG", "BADKEY", "BADTIME", "BADMODE", "BADNAME", "BADALG", "BADTRUNC", "BADCOOKIE",
	}
	if int(e) < len(names) && names[e] != "" {
		return names[e]
	}
	return fmt.Sprintf("RCODE %d", e)
}

// rcodeError is nil for an answer that tells something. That a name does not exist does, too.
func rcodeError(a *Answer) error {
	if a.RCode != dnsmessage.RCodeSuccess && a.RCode != dnsmessage.RCodeNameError {
		return errRcode(a.RCode)
	}
	return nil
}
