//! What the DAW's audio thread calls neither allocates nor gives memory back: run under an allocator
//! that counts what this thread asks of it. That it takes no lock is seen in its types: rings and
//! atomic numbers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
// An allocator cannot be written without it.
#![allow(unsafe_code)]

#[path = "../../tests/counting/mod.rs"]
mod counting;
mod host;

use score_clap::player::{Player, Playhead};
use score_link::daw::{Change, FromRun, NoteChange};

use counting::allocations;
use host::{BLOCK, Daw, RATE, in_own_folder};

#[test]
fn the_guard_sees_an_allocation() {
    assert_ne!(allocations(|| drop(std::hint::black_box(vec![1_u8; 9]))), 0);
}

#[test]
fn nothing_is_allocated_for_notes_however_many_come_and_whatever_the_playhead_does() {
    let mut player = Player::new(RATE, 2_944);
    let mut played = 0;
    let calls = allocations(|| {
        let mut beat = 0.0;
        for block in 0_u32..5_000 {
            let tempo = 90.0 + f64::from(block % 60);
            if block % 97 == 0 {
                beat = f64::from(block % 13);
            }
            let plays = block % 501 > 20;
            let playhead = Playhead { beat, tempo, plays };
            player.say(0, i64::from(block) * 10_666_667, playhead);
            // Every hundredth block far more than there is room for.
            let many = if block % 100 == 0 { 3_000 } else { 2 };
            for number in 0..many {
                let id = block * 4_096 + number / 2;
                let (channel, pitch, velocity) = (0, (id % 128) as u8, 0.5);
                let on = Change::On {
                    channel,
                    pitch,
                    velocity,
                };
                player.receive(FromRun::Note(NoteChange {
                    part: 1,
                    id,
                    beat: beat + f64::from(number) * 1e-4,
                    pass: 0,
                    change: if number % 2 == 0 { on } else { Change::Off },
                }));
            }
            match block % 700 {
                600 => player.lose(),
                610 => player.choose((block % 2) as u8),
                620 => player.receive(FromRun::EndPart(1)),
                630 => player.reset(),
                _ => {}
            }
            player.play(BLOCK, |_, _| played += 1);
            beat += f64::from(BLOCK) / RATE * tempo / 60.0;
        }
    });
    assert_eq!(calls, 0);
    assert!(played > 5_000, "{played}");
}

#[test]
fn nothing_is_allocated_in_the_call_of_a_daw() {
    in_own_folder("nothing_is_allocated_in_the_call_of_a_daw", || {
        let mut daw = Daw::new();
        daw.start(0.0);
        daw.loops = Some((0.0, 0.5));
        daw.watch = Some(allocations_of);
        for block in 0..60 {
            daw.tempo = 100.0 + f64::from(block);
            daw.block();
        }
        assert_eq!(daw.watched, 0);
    });
}

fn allocations_of(work: &mut dyn FnMut()) -> u64 {
    allocations(work)
}
