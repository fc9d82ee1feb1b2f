package graph

import "strings"

// Endpoints are the hosts of one cloud.
type Endpoints struct {
	// Graph and Login are of the form https://host or https://host:port, without a path. nextLinks that point anywhere
	// else than Graph are not followed.
	Graph, Login string
	// Scope is the scope that tokens are asked for, such as https://graph.microsoft.com/.default.
	Scope string
	// CAPEM are root certificates trusted in addition to the system's, for the simulator.
	CAPEM []byte
}

// loginAliases are further hosts of a sign-in service, which its discovery document may name.
func loginAliases(host string) []string {
	if host == "login.chinacloudapi.cn" {
		return []string{"login.partner.microsoftonline.cn"}
	}
	return nil
}

const globalScope = "https://graph.microsoft.com/.default"

// CloudEndpoints gives the hosts of a cloud as the configuration names it: global (also GCC), usgov (GCC High), dod,
// china. simulator has the scope of global and no hosts; they are known once it runs. ok is false for any other name.
//
// https://learn.microsoft.com/graph/deployments
func CloudEndpoints(cloud string) (e Endpoints, ok bool) {
	switch strings.ToLower(cloud) {
	case "", "global":
		return Endpoints{Graph: "https://graph.microsoft.com", Login: "https://login.microsoftonline.com", Scope: globalScope}, true
	case "usgov":
		return Endpoints{Graph: "https://graph.microsoft.us", Login: "https://login.microsoftonline.us", Scope: "https://graph.microsoft.us/.default"}, true
	case "dod":
		return Endpoints{Graph: "https://dod-graph.microsoft.us", Login: "https://login.microsoftonline.us", Scope: "https://dod-graph.microsoft.us/.default"}, true
	case "china":
		return Endpoints{Graph: "https://microsoftgraph.chinacloudapi.cn", Login: "https://login.chinacloudapi.cn", Scope: "https://microsoftgraph.chinacloudapi.cn/.default"}, true
	case "simulator":
		return Endpoints{Scope: globalScope}, true
	}
	return Endpoints{}, false
}
