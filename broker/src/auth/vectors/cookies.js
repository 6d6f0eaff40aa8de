// Makes cookies.json: npm i cookie-signature@1 express-session@1 && node cookies.js > cookies.json
// What npm's cookie-signature and express-session make of ids, secrets and cookie options.
const sig = require("cookie-signature");
const cookie = require(require.resolve("cookie", { paths: [require.resolve("express-session")] }));
const Cookie = require("express-session/session/cookie");

const ids = ["yQ3pT1l0dGxlLXNlc3Npb24taWQtMDAx", "a.b.c", 'sp ce/+=&;"é', "x"];
const signed = [];
for (const secret of ["keyboard cat", "old-secret", "пароль"])
  for (const id of ids) {
    const value = "s:" + sig.sign(id, secret);
    signed.push({ secret, id, value, header: cookie.serialize("connect.sid", value) });
  }
const options = [
  { domain: "example.com", secure: true, sameSite: "lax" },
  { domain: ".example.com", secure: true, sameSite: "none", httpOnly: false },
  { sameSite: "strict" },
];
const set = options.map((o) => {
  const c = new Cookie(o);
  c._expires = new Date(Date.UTC(2026, 10, 24, 9, 15, 36));
  c.originalMaxAge = 86400000;
  return { header: c.serialize("connect.sid", signed[0].value), document: { user: 7, cookie: c } };
});
const headers = [
  "a=1; connect.sid=s%3Ax; b=2", 'connect.sid="q%20q"', "connect.sid=1; connect.sid=2", " connect.sid = v ; x",
  "connect.sid=%zz", "connect.sid=a=b", "x;connect.sid=1", "connect.sid=%E0%A4%A", "xconnect.sid=3;connect.sid=4",
  "connect.sid=", "connect.sid", "Connect.Sid=1", "connect.sid=%", ";;=;connect.sid=%F0%9F%98%80",
];
const parsed = headers.map((header) => ({ header, value: cookie.parse(header)["connect.sid"] ?? null }));
console.log(JSON.stringify({ signed, set, parsed }, null, 1));
