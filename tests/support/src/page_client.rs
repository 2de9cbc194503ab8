//! The page of a run as programs reach it: requests as they stand, and open pages.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use crate::text;

/// How long a machine that does much else may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the page of a run is.
pub struct Door {
    pub at: SocketAddr,
    /// What opens it once.
    pub secret: String,
}

/// What was answered.
pub struct Answer {
    pub status: u16,
    /// The headers, in small letters.
    pub head: String,
    pub body: String,
}

impl Door {
    /// The one whose address is in a line of the log.
    pub fn of(line: &str) -> Self {
        let address = line.split("http://").nth(1).unwrap().trim();
        let (at, secret) = address.split_once("/enter#").unwrap();
        Door {
            at: at.parse().unwrap(),
            secret: secret.to_owned(),
        }
    }

    /// Sends a request as it stands.
    pub fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The answer may come before all of it is sent.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = text(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Answer {
            status: status.unwrap_or(0),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    pub fn get(&self, path: &str, headers: &str) -> Answer {
        let host = self.at;
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"
        ))
    }

    pub fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        let (host, length) = (self.at, body.len());
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\
             {headers}\r\n{body}"
        ))
    }

    /// As its own page does.
    pub fn own(&self) -> String {
        format!("Origin: http://{}\r\n", self.at)
    }

    pub fn enter(&self, secret: &str) -> Answer {
        let headers = format!("{}Content-Type: application/json\r\n", self.own());
        self.post("/enter", &headers, &json!({ "secret": secret }).to_string())
    }

    /// The cookie of a browser that has opened this secret.
    pub fn cookie(&self, secret: &str) -> String {
        let answer = self.enter(secret);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let cookie = answer.head.split("set-cookie: ").nth(1).unwrap();
        format!("Cookie: {}\r\n", cookie.split(';').next().unwrap())
    }

    /// What is answered to a WebSocket with these headers.
    pub fn knock(&self, headers: &str) -> Answer {
        let upgrade = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let host = self.at;
        self.send(&format!(
            "GET /socket HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n{upgrade}{headers}\r\n"
        ))
    }

    /// An open page.
    pub fn open(&self, cookie: &str) -> Open {
        let stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let url = format!("ws://{}/socket", self.at);
        let mut request = url.into_client_request().unwrap();
        let cookie = cookie.trim().strip_prefix("Cookie: ").unwrap();
        let headers = request.headers_mut();
        headers.insert("cookie", cookie.parse().unwrap());
        headers.insert("origin", format!("http://{}", self.at).parse().unwrap());
        let (socket, _) = tungstenite::client(request, stream).unwrap();
        Open { socket, number: 0 }
    }
}

/// A page that is open.
pub struct Open {
    pub socket: WebSocket<TcpStream>,
    number: u64,
}

impl Open {
    pub fn send(&mut self, wish: &Value) {
        self.socket.send(Message::text(wish.to_string())).unwrap();
    }

    /// Waits for a message for which `is_it`.
    pub fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Message::Text(text) = self.socket.read().unwrap() {
                let message: Value = serde_json::from_str(&text).unwrap();
                if is_it(&message) {
                    return message;
                }
            }
        }
        panic!("it is not told");
    }

    /// What is answered to a request.
    pub fn ask(&mut self, request: &Value) -> Value {
        self.number += 1;
        let number = self.number;
        self.send(&json!({ "ask": { "id": number, "request": request } }));
        self.until(|message| message["answer"] == number)
    }
}
