// Package proxy is a reverse proxy that gives read-your-writes to programs in
// any language: a client that wrote through it reads what it wrote, since the
// reads that come too early are held by readbackhttp.Transport.
//
// A [Proxy] is an [http.Handler] in front of one origin, the upstream, and
// [Serve] serves it until it is told to stop. [Command] is both, as
// "readback proxy".
//
// What the upstream sees is what it would see without the proxy: the path, the
// query, the credentials and the forwarding headers of the client, and its own
// name as Host. What the client sees of the upstream's origin, in Location and
// its like and in cookies, is translated to the proxy's, so that it comes back
// through it. Bodies pass as they are.
package proxy
