<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ro_RO" sourcelanguage="en">
<context>
    <name>ActivityPage</name>
    <message>
        <source>Try again</source>
        <translation>Încearcă din nou</translation>
    </message>
    <message>
        <source>Answers of this PC</source>
        <translation>Răspunsurile acestui PC</translation>
    </message>
    <message>
        <source>When this PC began and ceased to share</source>
        <translation>Când a început și când a încetat să partajeze acest PC</translation>
    </message>
</context>
<context>
    <name>ActivityPresenter</name>
    <message>
        <source>The answers of this PC show here once it is connected to a relay. You can do that on Home.</source>
        <translation>Răspunsurile acestui PC apar aici după ce îl conectezi la un releu. Poți face asta pe pagina Acasă.</translation>
    </message>
    <message>
        <source>No answers yet. The first one that this PC gives shows here within a minute.</source>
        <translation>Încă niciun răspuns. Primul dat de acest PC apare aici în cel mult un minut.</translation>
    </message>
    <message>
        <source>Asking the relay…</source>
        <translation>Se așteaptă răspunsul releului…</translation>
    </message>
    <message>
        <source>Answers show here while Nightjar is at work.</source>
        <translation>Răspunsurile apar aici cât timp Nightjar lucrează.</translation>
    </message>
    <message>
        <source>Older answers are best read as a sheet: type “%1” in a terminal.</source>
        <translation>Răspunsurile mai vechi se citesc cel mai bine într-o foaie de calcul: scrie „%1” într-un terminal.</translation>
    </message>
    <message>
        <source>When</source>
        <translation>Când</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Model</translation>
    </message>
    <message>
        <source>Tokens in + out</source>
        <translation>Tok. citite + scrise</translation>
    </message>
    <message>
        <source>Tokens/s</source>
        <translation>Tokenuri/s</translation>
    </message>
    <message>
        <source>Earned</source>
        <translation>Câștigat</translation>
    </message>
    <message>
        <source>Ended</source>
        <translation>Încheiere</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>eșuat</translation>
    </message>
    <message>
        <source>caller left</source>
        <translation>clientul a plecat</translation>
    </message>
    <message>
        <source>too late</source>
        <translation>prea târziu</translation>
    </message>
    <message>
        <source>Sharing</source>
        <translation>Partajează</translation>
    </message>
    <message>
        <source>Not sharing</source>
        <translation>Nu partajează</translation>
    </message>
    <message>
        <source>From then on</source>
        <translation>De atunci</translation>
    </message>
    <message>
        <source>Why</source>
        <translation>De ce</translation>
    </message>
    <message>
        <source>The model&apos;s memory was free again at once.</source>
        <translation>Memoria modelului a fost eliberată imediat.</translation>
    </message>
    <message>
        <source>The model&apos;s memory was free again after %1 s.</source>
        <translation>Memoria modelului a fost eliberată după %1 s.</translation>
    </message>
    <message>
        <source>This shows here while Nightjar is at work.</source>
        <translation>Apare aici cât timp Nightjar lucrează.</translation>
    </message>
    <message>
        <source>Nothing yet. When this PC begins or ceases to share, it shows here.</source>
        <translation>Încă nimic. Când acest PC începe sau încetează să partajeze, apare aici.</translation>
    </message>
</context>
<context>
    <name>Agent</name>
    <message>
        <source>{model} here is not the file that the relay&apos;s catalogue stands for, so no call for it comes here.</source>
        <translation>{model} de aici nu este fișierul din catalogul releului, așa că aici nu vine nicio cerere pentru el.</translation>
    </message>
    <message>
        <source>If the relay was set up anew, enrol this PC again; otherwise ask its operator.</source>
        <translation>Dacă releul a fost instalat din nou, înscrie iar acest PC; altfel, întreabă-l pe cel care îl administrează.</translation>
    </message>
    <message>
        <source>Nightjar cannot tell whether this PC is in use{why}, so it counts it as in use.</source>
        <translation>Nightjar nu își poate da seama dacă acest PC este folosit{why}, așa că îl consideră folosit.</translation>
    </message>
    <message>
        <source>Nightjar does not know how programs start with a login on this system.</source>
        <translation>Nightjar nu știe cum pornesc programele la autentificare pe acest sistem.</translation>
    </message>
    <message>
        <source>the relay and this version of Nightjar do not understand each other</source>
        <translation>releul și această versiune de Nightjar nu se înțeleg</translation>
    </message>
    <message>
        <source>Make room, or move the model folder to another disk; then resume.</source>
        <translation>Fă loc sau mută dosarul modelelor pe alt disc; apoi reia.</translation>
    </message>
    <message>
        <source>Close programs that need much memory, or share a smaller model.</source>
        <translation>Închide programe care cer multă memorie sau partajează un model mai mic.</translation>
    </message>
    <message>
        <source>It is switched off under System Settings, General, Login Items.</source>
        <translation>Este dezactivat în Configurări sistem, General, Articole de deschidere.</translation>
    </message>
    <message>
        <source>Check that this PC is online; Nightjar keeps trying by itself.</source>
        <translation>Verifică dacă acest PC este conectat la internet; Nightjar încearcă singur mai departe.</translation>
    </message>
    <message>
        <source>This PC is enrolled but in no pool yet, so nobody may use it.</source>
        <translation>Acest PC este înscris, dar încă în niciun grup, așa că nimeni nu îl poate folosi.</translation>
    </message>
    <message>
        <source>you are using this PC; sharing starts after {wait} without input.</source>
        <translation>folosești acest PC; partajarea începe după {wait} fără mouse și tastatură.</translation>
    </message>
    <message>
        <source>Close it, or take it off the list of programs to wait for.</source>
        <translation>Închide-l sau scoate-l din lista programelor după care se așteaptă.</translation>
    </message>
    <message>
        <source>It is switched off under Startup apps in the Task Manager.</source>
        <translation>Este dezactivat în Manager de activități, la aplicațiile de pornire.</translation>
    </message>
    <message>
        <source>Unlock it and start Nightjar again, or enrol this PC anew.</source>
        <translation>Deblochează-l și repornește Nightjar sau înscrie din nou acest PC.</translation>
    </message>
    <message>
        <source>other programs used the graphics card until a moment ago.</source>
        <translation>alte programe au folosit placa video până acum o clipă.</translation>
    </message>
    <message>
        <source>the model&apos;s process reaches no files, network or programs</source>
        <translation>procesul modelului nu ajunge la fișiere, rețea sau programe</translation>
    </message>
    <message>
        <source>The server at {relay} is not the relay this PC was enrolled at.</source>
        <translation>Serverul de la {relay} nu este releul la care a fost înscris acest PC.</translation>
    </message>
    <message>
        <source>the battery is low; sharing starts when it is above {percent} %.</source>
        <translation>bateria este descărcată; partajarea începe când trece de {percent} %.</translation>
    </message>
    <message>
        <source>Change the hours of the week in which this PC shares.</source>
        <translation>Schimbă orele săptămânii în care partajează acest PC.</translation>
    </message>
    <message>
        <source>other programs used the processor until a moment ago.</source>
        <translation>alte programe au folosit procesorul până acum o clipă.</translation>
    </message>
    <message>
        <source>the file at {host} was changed; starting from the beginning</source>
        <translation>fișierul de la {host} s-a schimbat; se ia de la început</translation>
    </message>
    <message>
        <source>the {part} is too hot; sharing starts when it is below {celsius} °C.</source>
        <translation>{part} s-a încins prea tare; partajarea începe sub {celsius} °C.</translation>
    </message>
    <message>
        <source>It was switched off in the settings of this desktop.</source>
        <translation>A fost dezactivat în setările acestui desktop.</translation>
    </message>
    <message>
        <source>It was written for a program that is no longer there: switch it on again.</source>
        <translation>A fost scris pentru un program care nu mai există: activează-l din nou.</translation>
    </message>
    <message>
        <source>Start it with `nightjar` (or `nightjar --headless`).</source>
        <translation>Pornește-l cu `nightjar` (sau `nightjar --headless`).</translation>
    </message>
    <message>
        <source>this PC is not enrolled: nightjar enroll --relay URL</source>
        <translation>acest PC nu este înscris: nightjar enroll --relay URL</translation>
    </message>
    <message>
        <source>Not sharing yet: approve the code {code} in your browser.</source>
        <translation>Încă nu partajează: aprobă codul {code} în browser.</translation>
    </message>
    <message>
        <source>a program you keep the PC free for has just closed.</source>
        <translation>un program pentru care ții PC-ul liber tocmai s-a închis.</translation>
    </message>
    <message>
        <source>{host} does not give the file to everybody (it answered {status})</source>
        <translation>{host} nu dă fișierul oricui (a răspuns {status})</translation>
    </message>
    <message>
        <source>{what} was not noticed: When idle cannot be trusted here</source>
        <translation>{what} nu a fost observată: pe „Când e liber” nu te poți baza aici</translation>
    </message>
    <message>
        <source>{why}; {who} can answer too, and callers reached them first.</source>
        <translation>{why}; se poate răspunde și de pe {who}, iar cererile au ajuns întâi acolo.</translation>
    </message>
    <message>
        <source>Make room on the disk that holds Nightjar&apos;s data.</source>
        <translation>Fă loc pe discul pe care se află datele Nightjar.</translation>
    </message>
    <message>
        <source>Stop what uses it, or name another port: `port` under [private_relay] in settings.toml.</source>
        <translation>Oprește programul care îl folosește sau alege alt port: `port` la [private_relay] în settings.toml.</translation>
    </message>
    <message>
        <source>the folder {folder} (a file only you can read; this system offers no keystore to Nightjar)</source>
        <translation>dosarul {folder} (un fișier pe care doar tu îl poți citi; acest sistem nu îi oferă lui Nightjar un depozit de chei)</translation>
    </message>
    <message>
        <source>llama.cpp cannot read this model&apos;s picture part, or it is another model&apos;s.</source>
        <translation>llama.cpp nu poate citi partea de imagini a acestui model, sau este a altui model.</translation>
    </message>
    <message>
        <source>it is the picture part of a model, which is taken in with that</source>
        <translation>este partea de imagini a unui model, care se preia împreună cu el</translation>
    </message>
    <message>
        <source>This model&apos;s picture part is not made for pictures.</source>
        <translation>Partea de imagini a acestui model nu este făcută pentru imagini.</translation>
    </message>
    <message>
        <source>its file is gone; bring the disk or the file back</source>
        <translation>fișierul lui a dispărut; adu înapoi discul sau fișierul</translation>
    </message>
    <message>
        <source>your schedule has no open hour in the whole week.</source>
        <translation>orarul tău nu are nicio oră deschisă în toată săptămâna.</translation>
    </message>
    <message>
        <source>This PC answered {served} of {asked} for {model} in the last 24 hours.</source>
        <translation>Din cererile pentru {model} din ultimele 24 de ore ({asked}), acest PC a răspuns la {served}.</translation>
    </message>
    <message>
        <source>This PC answered {served} of {asked} for {model} in the last 24 hours</source>
        <translation>Din cererile pentru {model} din ultimele 24 de ore ({asked}), acest PC a răspuns la {served}</translation>
    </message>
    <message>
        <source>there is too little free memory for the model.</source>
        <translation>este prea puțină memorie liberă pentru model.</translation>
    </message>
    <message>
        <source>another computer is linked with this PC&apos;s key</source>
        <translation>alt calculator este conectat cu cheia acestui PC</translation>
    </message>
    <message>
        <source>the model stopped and is being started again.</source>
        <translation>modelul s-a oprit și este repornit.</translation>
    </message>
    <message>
        <source>there is neither a desktop nor a console here</source>
        <translation>aici nu există nici desktop, nici consolă</translation>
    </message>
    <message>
        <source>Check that this PC is online, and try again.</source>
        <translation>Verifică dacă acest PC este conectat la internet și încearcă din nou.</translation>
    </message>
    <message>
        <source>nothing on this system keeps the model from {names}</source>
        <translation>nimic din acest sistem nu ține modelul departe de: {names}</translation>
    </message>
    <message>
        <source>the disk was almost full until a moment ago.</source>
        <translation>discul a fost aproape plin până acum o clipă.</translation>
    </message>
    <message>
        <source>Turn the system&apos;s power saver off to share.</source>
        <translation>Dezactivează economisirea de energie a sistemului ca să partajezi.</translation>
    </message>
    <message>
        <source>other programs are using the graphics card.</source>
        <translation>alte programe folosesc placa video.</translation>
    </message>
    <message>
        <source>this desktop offers no source that it knows</source>
        <translation>acest desktop nu oferă nicio sursă cunoscută</translation>
    </message>
    <message>
        <source>too many computers of this owner are linked</source>
        <translation>sunt conectate prea multe calculatoare ale acestui proprietar</translation>
    </message>
    <message>
        <source>Paused by you, until the PC is plugged in.</source>
        <translation>Pus pe pauză de tine, până la conectarea la priză.</translation>
    </message>
    <message>
        <source>See what is wanted: nightjar models search</source>
        <translation>Vezi ce se caută: nightjar models search</translation>
    </message>
    <message>
        <source>The model&apos;s picture part cannot be read: {why}.</source>
        <translation>Partea de imagini a modelului nu poate fi citită: {why}.</translation>
    </message>
    <message>
        <source>The model&apos;s picture part cannot be used: {why}.</source>
        <translation>Partea de imagini a modelului nu poate fi folosită: {why}.</translation>
    </message>
    <message>
        <source>it speaks another version; update Nightjar</source>
        <translation>vorbește altă versiune; actualizează Nightjar</translation>
    </message>
    <message>
        <source>what answers there is not a Nightjar relay</source>
        <translation>ce răspunde acolo nu este un releu Nightjar</translation>
    </message>
    <message>
        <source>a program runs that has the PC for itself</source>
        <translation>rulează un program care are PC-ul numai pentru el</translation>
    </message>
    <message>
        <source>the screen was filled until a moment ago.</source>
        <translation>ecranul a fost ocupat în întregime până acum o clipă.</translation>
    </message>
    <message>
        <source>your absence and your return were noticed</source>
        <translation>absența și întoarcerea ta au fost observate</translation>
    </message>
    <message>
        <source>Plug it in, or allow sharing on battery.</source>
        <translation>Conectează-l la priză sau permite partajarea pe baterie.</translation>
    </message>
    <message>
        <source>another Nightjar process is downloading {name}</source>
        <translation>alt proces Nightjar descarcă {name}</translation>
    </message>
    <message>
        <source>it is not supported: it counts as in use</source>
        <translation>nu este susținut: se consideră folosit</translation>
    </message>
    <message>
        <source>it is of a version that cannot tell this</source>
        <translation>are o versiune care nu poate spune asta</translation>
    </message>
    <message>
        <source>Nobody asked for {model} in the last 24 hours.</source>
        <translation>Nimeni nu a cerut {model} în ultimele 24 de ore.</translation>
    </message>
    <message>
        <source>it does not answer: it counts as in use</source>
        <translation>nu răspunde: se consideră folosit</translation>
    </message>
    <message>
        <source>other programs are using the processor.</source>
        <translation>alte programe folosesc procesorul.</translation>
    </message>
    <message>
        <source>the relay does not accept this PC&apos;s key</source>
        <translation>releul nu acceptă cheia acestui PC</translation>
    </message>
    <message>
        <source>this PC is not enrolled at a relay yet.</source>
        <translation>acest PC nu este încă înscris la un releu.</translation>
    </message>
    <message>
        <source>what answers there does not speak HTTPS</source>
        <translation>ce răspunde acolo nu vorbește HTTPS</translation>
    </message>
    <message>
        <source>you keep the PC free while this runs: {app}.</source>
        <translation>ții PC-ul liber cât timp rulează: {app}.</translation>
    </message>
    <message>
        <source>Nightjar is closing, finishing {answers} first.</source>
        <translation>Nightjar se închide, dar mai întâi termină ({answers}).</translation>
    </message>
    <message>
        <source>This PC is not connected to the relay.</source>
        <translation>Acest PC nu este conectat la releu.</translation>
    </message>
    <message>
        <source>another program is writing it just now</source>
        <translation>alt program tocmai scrie în el</translation>
    </message>
    <message>
        <source>its certificate is not to be trusted: {detail}</source>
        <translation>certificatul lui nu este de încredere: {detail}</translation>
    </message>
    <message>
        <source>this server cannot continue a download</source>
        <translation>acest server nu poate continua o descărcare</translation>
    </message>
    <message>
        <source>Somebody of its organisation adds it.</source>
        <translation>Îl adaugă cineva din organizația lui.</translation>
    </message>
    <message>
        <source>The relay {relay} no longer knows this PC: {why}.</source>
        <translation>Releul {relay} nu mai cunoaște acest PC: {why}.</translation>
    </message>
    <message>
        <source>This PC&apos;s key cannot be read from {where}: {why}.</source>
        <translation>Cheia acestui PC nu poate fi citită din {where}: {why}.</translation>
    </message>
    <message>
        <source>a program plays or presents something</source>
        <translation>un program redă sau prezintă ceva</translation>
    </message>
    <message>
        <source>other programs need its graphics card</source>
        <translation>alte programe au nevoie de placa lui video</translation>
    </message>
    <message>
        <source>the {part} was too hot and has cooled down.</source>
        <translation>{part} s-a încins prea tare, dar s-a răcit.</translation>
    </message>
    <message>
        <source>Choose When idle or Always to share.</source>
        <translation>Alege „Când e liber” sau „Mereu” ca să partajezi.</translation>
    </message>
    <message>
        <source>memory was short until a moment ago.</source>
        <translation>memoria a fost insuficientă până acum o clipă.</translation>
    </message>
    <message>
        <source>there is none that models can run on</source>
        <translation>nu există una pe care să poată rula modele</translation>
    </message>
    <message>
        <source>microphone (PulseAudio or PipeWire)</source>
        <translation>microfon (PulseAudio sau PipeWire)</translation>
    </message>
    <message>
        <source>the same model is here already, as {name}</source>
        <translation>același model este deja aici, cu numele {name}</translation>
    </message>
    <message>
        <source>your schedule keeps this time free.</source>
        <translation>orarul tău păstrează liber acest timp.</translation>
    </message>
    <message>
        <source>This PC takes no calls just now: {why}.</source>
        <translation>Acest PC nu primește cereri acum: {why}.</translation>
    </message>
    <message>
        <source>its key is in use on two computers</source>
        <translation>cheia lui este folosită pe două calculatoare</translation>
    </message>
    <message>
        <source>looking whether this PC is in use.</source>
        <translation>se verifică dacă acest PC este folosit.</translation>
    </message>
    <message>
        <source>measuring what other programs use.</source>
        <translation>se măsoară cât folosesc alte programe.</translation>
    </message>
    <message>
        <source>sharing starts in {countdown} at the earliest</source>
        <translation>partajarea începe cel mai devreme peste {countdown}</translation>
    </message>
    <message>
        <source>The local relay is not running: {why}.</source>
        <translation>Releul local nu rulează: {why}.</translation>
    </message>
    <message>
        <source>there is no Wayland compositor ({why})</source>
        <translation>nu există niciun compozitor Wayland ({why})</translation>
    </message>
    <message>
        <source>this compositor does not offer it</source>
        <translation>acest compozitor nu oferă așa ceva</translation>
    </message>
    <message>
        <source>the sound server does not answer</source>
        <translation>serverul de sunet nu răspunde</translation>
    </message>
    <message>
        <source>full screen (foreground window)</source>
        <translation>ecran complet (fereastra din față)</translation>
    </message>
    <message>
        <source>games and presentations (shell)</source>
        <translation>jocuri și prezentări (shell)</translation>
    </message>
    <message>
        <source>the compositor does not answer</source>
        <translation>compozitorul nu răspunde</translation>
    </message>
    <message>
        <source>this desktop is not KDE Plasma</source>
        <translation>acest mediu desktop nu este KDE Plasma</translation>
    </message>
    <message>
        <source>Off: sharing is switched off.</source>
        <translation>Oprit: partajarea este dezactivată.</translation>
    </message>
    <message>
        <source>the program {program} is not installed</source>
        <translation>programul {program} nu este instalat</translation>
    </message>
    <message>
        <source>this desktop is not GNOME</source>
        <translation>acest mediu desktop nu este GNOME</translation>
    </message>
    <message>
        <source>inhibitors (freedesktop)</source>
        <translation>blocaje (freedesktop)</translation>
    </message>
    <message>
        <source>it did not start in time</source>
        <translation>nu a pornit la timp</translation>
    </message>
    <message>
        <source>login sessions (Windows)</source>
        <translation>sesiuni de lucru (Windows)</translation>
    </message>
    <message>
        <source>network (NetworkManager)</source>
        <translation>rețea (NetworkManager)</translation>
    </message>
    <message>
        <source>there is no console here</source>
        <translation>aici nu există nicio consolă</translation>
    </message>
    <message>
        <source>there is no sound server</source>
        <translation>nu există niciun server de sunet</translation>
    </message>
    <message>
        <source>another relay is using {folder}</source>
        <translation>alt releu folosește {folder}</translation>
    </message>
    <message>
        <source>login sessions (logind)</source>
        <translation>sesiuni de lucru (logind)</translation>
    </message>
    <message>
        <source>address already in use</source>
        <translation>adresa este deja folosită</translation>
    </message>
    <message>
        <source>it has not started yet</source>
        <translation>nu a pornit încă</translation>
    </message>
    <message>
        <source>microphone (CoreAudio)</source>
        <translation>microfon (CoreAudio)</translation>
    </message>
    <message>
        <source>the compositor hung up</source>
        <translation>compozitorul a închis legătura</translation>
    </message>
    <message>
        <source>there is no sound card</source>
        <translation>nu există nicio placă de sunet</translation>
    </message>
    <message>
        <source>login session (macOS)</source>
        <translation>sesiune de lucru (macOS)</translation>
    </message>
    <message>
        <source>there is no X display</source>
        <translation>nu există niciun ecran X</translation>
    </message>
    <message>
        <source>this desktop has none</source>
        <translation>acest mediu desktop nu are așa ceva</translation>
    </message>
    <message>
        <source>nobody expected this</source>
        <translation>nu se aștepta nimeni la asta</translation>
    </message>
    <message>
        <source>it ended with status {status}</source>
        <translation>s-a încheiat cu starea {status}</translation>
    </message>
    <message>
        <source>it cannot be reached</source>
        <translation>nu poate fi contactat</translation>
    </message>
    <message>
        <source>cannot listen on {place}: {why}</source>
        <translation>nu poate asculta la {place}: {why}</translation>
    </message>
    <message>
        <source>Stop it first.</source>
        <translation>Oprește-l întâi.</translation>
    </message>
    <message>
        <source>it ended by {signal}</source>
        <translation>a fost încheiat de {signal}</translation>
    </message>
    <message>
        <source>Its log: {file}</source>
        <translation>Jurnalul lui: {file}</translation>
    </message>
    <message>
        <source>{file} is not the picture part of a model</source>
        <translation>{file} nu este partea de imagini a unui model</translation>
    </message>
    <message>
        <source>{why}: correct `model` in settings.toml</source>
        <translation>{why}: corectează `model` în settings.toml</translation>
    </message>
    <message>
        <source>Another model may be wanted more.</source>
        <translation>Poate că alt model este mai căutat.</translation>
    </message>
    <message>
        <source>Choose Resume now to share again.</source>
        <translation>Alege „Reia acum” ca să partajezi din nou.</translation>
    </message>
    <message>
        <source>other programs need its processor</source>
        <translation>alte programe au nevoie de procesorul lui</translation>
    </message>
    <message>
        <source>ready, waiting for the next call.</source>
        <translation>gata, așteaptă următoarea cerere.</translation>
    </message>
    <message>
        <source>Make room or give yourself write permission there, or set NIGHTJAR_HOME to another folder.</source>
        <translation>Fă loc sau acordă-ți drept de scriere acolo, ori setează NIGHTJAR_HOME la alt dosar.</translation>
    </message>
    <message>
        <source>This model needs about {need} of {what} for one answer of {context} tokens at a time, and {free} can be taken.</source>
        <translation>Acest model are nevoie de circa {need} de {what} pentru câte un răspuns de {context} de tokenuri, iar disponibili sunt {free}.</translation>
    </message>
    <message>
        <source>Correct the file, or move it away to start with the defaults.</source>
        <translation>Corectează fișierul sau mută-l, ca să pornești cu valorile implicite.</translation>
    </message>
    <message>
        <source>it is one of several parts; join them into one file first</source>
        <translation>este una din mai multe părți; unește-le întâi într-un singur fișier</translation>
    </message>
    <message>
        <source>it is one of several parts, which Nightjar cannot join</source>
        <translation>este una din mai multe părți, pe care Nightjar nu le poate uni</translation>
    </message>
    <message>
        <source>Search again: the relay may no longer want it.</source>
        <translation>Caută din nou: poate că releul nu îl mai dorește.</translation>
    </message>
    <message>
        <source>It may have arrived meanwhile: look again.</source>
        <translation>Poate că a sosit între timp: uită-te din nou.</translation>
    </message>
    <message>
        <source>{path} cannot be written: {why}.</source>
        <translation>{path} nu poate fi scris: {why}.</translation>
    </message>
    <message>
        <source>it cannot be deleted ({why})</source>
        <translation>nu poate fi șters ({why})</translation>
    </message>
    <message>
        <source>This PC is not enrolled at a relay; this is what comes with Nightjar.</source>
        <translation>Acest PC nu este înscris la niciun releu; iată ce vine cu Nightjar.</translation>
    </message>
    <message>
        <source>This is the catalogue as it was.</source>
        <translation>Acesta este catalogul de dinainte.</translation>
    </message>
    <message>
        <source>Download the model again, or choose another.</source>
        <translation>Descarcă din nou modelul sau alege altul.</translation>
    </message>
    <message>
        <source>The model file is damaged or no GGUF file: {why}.</source>
        <translation>Fișierul modelului este deteriorat sau nu este un fișier GGUF: {why}.</translation>
    </message>
    <message>
        <source>it ends in the middle of its description</source>
        <translation>se termină în mijlocul descrierii</translation>
    </message>
    <message>
        <source>The model&apos;s process ended with status {status}.</source>
        <translation>Procesul modelului s-a încheiat cu starea {status}.</translation>
    </message>
    <message>
        <source>it does not begin with the letters GGUF</source>
        <translation>nu începe cu literele GGUF</translation>
    </message>
    <message>
        <source>Start at login cannot be changed: {place}: {why}.</source>
        <translation>Pornirea la autentificare nu poate fi schimbată: {place}: {why}.</translation>
    </message>
    <message>
        <source>See to it that you may write there.</source>
        <translation>Asigură-te că poți scrie acolo.</translation>
    </message>
    <message>
        <source>The model&apos;s process was ended by {signal}.</source>
        <translation>Procesul modelului a fost oprit de {signal}.</translation>
    </message>
    <message>
        <source>The models cannot be moved to {folder}: {why}.</source>
        <translation>Modelele nu pot fi mutate în {folder}: {why}.</translation>
    </message>
    <message>
        <source>Another Nightjar process holds {path}.</source>
        <translation>Alt proces Nightjar ține ocupat {path}.</translation>
    </message>
    <message>
        <source>The choice cannot be kept in {path}: {why}.</source>
        <translation>Alegerea nu poate fi păstrată în {path}: {why}.</translation>
    </message>
    <message>
        <source>Open {url} and enter the code there.</source>
        <translation>Deschide {url} și introdu codul acolo.</translation>
    </message>
    <message>
        <source>The engine at {url} cannot be used: {why}</source>
        <translation>Motorul de la {url} nu poate fi folosit: {why}</translation>
    </message>
    <message>
        <source>a call or video has just ended.</source>
        <translation>un apel sau un film tocmai s-a încheiat.</translation>
    </message>
    <message>
        <source>the relay did not greet in time</source>
        <translation>releul nu a salutat la timp</translation>
    </message>
    <message>
        <source>this network costs by the byte.</source>
        <translation>în această rețea se plătește după trafic.</translation>
    </message>
    <message>
        <source>Starting from the beginning: {why}.</source>
        <translation>Se ia de la început: {why}.</translation>
    </message>
    <message>
        <source>you used this PC a moment ago.</source>
        <translation>ai folosit acest PC acum o clipă.</translation>
    </message>
    <message>
        <source>Paused by you, until {app} closes.</source>
        <translation>Pus pe pauză de tine, până se închide {app}.</translation>
    </message>
    <message>
        <source>The relay {relay} does not answer: {why}.</source>
        <translation>Releul {relay} nu răspunde: {why}.</translation>
    </message>
    <message>
        <source>it is too small to be a model</source>
        <translation>este prea mic ca să fie un model</translation>
    </message>
    <message>
        <source>there is no model on this PC.</source>
        <translation>pe acest PC nu este niciun model.</translation>
    </message>
    <message>
        <source>There is no GGUF file in it.</source>
        <translation>Nu conține niciun fișier GGUF.</translation>
    </message>
    <message>
        <source>Try again when that is done.</source>
        <translation>Încearcă din nou după ce termină.</translation>
    </message>
    <message>
        <source>its owner turned sharing off</source>
        <translation>proprietarul a oprit partajarea</translation>
    </message>
    <message>
        <source>Choose Always to share now.</source>
        <translation>Alege „Mereu” ca să partajezi acum.</translation>
    </message>
    <message>
        <source>The model cannot be loaded.</source>
        <translation>Modelul nu poate fi încărcat.</translation>
    </message>
    <message>
        <source>goes on in {countdown} at the earliest</source>
        <translation>continuă cel mai devreme peste {countdown}</translation>
    </message>
    <message>
        <source>no contact with the relay {relay}{problem}.</source>
        <translation>fără contact cu releul {relay}{problem}.</translation>
    </message>
    <message>
        <source>the connection was too slow</source>
        <translation>conexiunea a fost prea lentă</translation>
    </message>
    <message>
        <source>the system&apos;s keystore ({keystore})</source>
        <translation>depozitul de chei al sistemului ({keystore})</translation>
    </message>
    <message>
        <source>network is unreachable</source>
        <translation>rețeaua nu este accesibilă</translation>
    </message>
    <message>
        <source>nobody knows this name</source>
        <translation>nimeni nu cunoaște acest nume</translation>
    </message>
    <message>
        <source>nothing answers there</source>
        <translation>nimic nu răspunde acolo</translation>
    </message>
    <message>
        <source>inhibitors (logind)</source>
        <translation>blocaje (logind)</translation>
    </message>
    <message>
        <source>inhibitors (GNOME)</source>
        <translation>blocaje (GNOME)</translation>
    </message>
    <message>
        <source>it gives no answer</source>
        <translation>nu dă niciun răspuns</translation>
    </message>
    <message>
        <source>full screen (X11)</source>
        <translation>ecran complet (X11)</translation>
    </message>
    <message>
        <source>it is not running</source>
        <translation>nu rulează</translation>
    </message>
    <message>
        <source>microphone (ALSA)</source>
        <translation>microfon (ALSA)</translation>
    </message>
    <message>
        <source>games (GameMode)</source>
        <translation>jocuri (GameMode)</translation>
    </message>
    <message>
        <source>inhibitors (KDE)</source>
        <translation>blocaje (KDE)</translation>
    </message>
    <message>
        <source>power assertions</source>
        <translation>cereri de alimentare</translation>
    </message>
    <message>
        <source>power (Windows)</source>
        <translation>alimentare (Windows)</translation>
    </message>
    <message>
        <source>power (UPower)</source>
        <translation>alimentare (UPower)</translation>
    </message>
    <message>
        <source>power (system)</source>
        <translation>alimentare (sistem)</translation>
    </message>
    <message>
        <source>power (macOS)</source>
        <translation>alimentare (macOS)</translation>
    </message>
    <message>
        <source>there is none</source>
        <translation>nu există</translation>
    </message>
    <message>
        <source>terminals</source>
        <translation>terminale</translation>
    </message>
    <message>
        <source>camera</source>
        <translation>cameră</translation>
    </message>
    <message>
        <source>{host} ended the connection early</source>
        <translation>{host} a încheiat conexiunea prea devreme</translation>
    </message>
    <message>
        <source>nobody approved it in time</source>
        <translation>nimeni nu l-a aprobat la timp</translation>
    </message>
    <message>
        <source>something fills its screen</source>
        <translation>ceva îi umple ecranul</translation>
    </message>
    <message>
        <source>the file was changed there</source>
        <translation>fișierul s-a schimbat acolo</translation>
    </message>
    <message>
        <source>the model {model} cannot be used{why}.</source>
        <translation>modelul {model} nu poate fi folosit{why}.</translation>
    </message>
    <message>
        <source>this PC is going to sleep.</source>
        <translation>acest PC intră în repaus.</translation>
    </message>
    <message>
        <source>Cannot use the folder {path}: {why}.</source>
        <translation>Dosarul {path} nu poate fi folosit: {why}.</translation>
    </message>
    <message>
        <source>Connecting to the relay {relay}.</source>
        <translation>Se conectează la releul {relay}.</translation>
    </message>
    <message>
        <source>does not cost by the byte</source>
        <translation>nu se plătește după trafic</translation>
    </message>
    <message>
        <source>it was suspended there ({why})</source>
        <translation>a fost suspendat acolo ({why})</translation>
    </message>
    <message>
        <source>no such file or directory</source>
        <translation>fișierul sau dosarul nu există</translation>
    </message>
    <message>
        <source>the file is no longer at {host}</source>
        <translation>fișierul nu mai este la {host}</translation>
    </message>
    <message>
        <source>there is no room left in {folder}</source>
        <translation>nu mai este loc în {folder}</translation>
    </message>
    <message>
        <source>this PC is saving energy.</source>
        <translation>acest PC economisește energie.</translation>
    </message>
    <message>
        <source>{needed} are needed and {free} free in {folder}</source>
        <translation>sunt necesari {needed} și liberi {free} în {folder}</translation>
    </message>
    <message>
        <source>Nightjar is not running.</source>
        <translation>Nightjar nu rulează.</translation>
    </message>
    <message>
        <source>There is no model {name} here.</source>
        <translation>Aici nu există niciun model {name}.</translation>
    </message>
    <message>
        <source>This PC offers no model.</source>
        <translation>Acest PC nu oferă niciun model.</translation>
    </message>
    <message>
        <source>the connection to {host} broke</source>
        <translation>conexiunea cu {host} s-a întrerupt</translation>
    </message>
    <message>
        <source>the disk is almost full.</source>
        <translation>discul este aproape plin.</translation>
    </message>
    <message>
        <source>the microphone is in use</source>
        <translation>microfonul este folosit</translation>
    </message>
    <message>
        <source>this PC runs on battery.</source>
        <translation>acest PC merge pe baterie.</translation>
    </message>
    <message>
        <source>Enrolment at {relay} failed: {why}.</source>
        <translation>Înscrierea la {relay} nu a reușit: {why}.</translation>
    </message>
    <message>
        <source>The download stopped: {why}.</source>
        <translation>Descărcarea s-a oprit: {why}.</translation>
    </message>
    <message>
        <source>a call or a video is on</source>
        <translation>este în curs un apel sau un film</translation>
    </message>
    <message>
        <source>it cannot be reached ({why})</source>
        <translation>nu poate fi contactat ({why})</translation>
    </message>
    <message>
        <source>no space left on device</source>
        <translation>nu mai este loc pe disc</translation>
    </message>
    <message>
        <source>none: the defaults hold</source>
        <translation>lipsesc: sunt valabile valorile implicite</translation>
    </message>
    <message>
        <source>nothing more came from {host}</source>
        <translation>nu a mai venit nimic de la {host}</translation>
    </message>
    <message>
        <source>the connection was lost</source>
        <translation>conexiunea s-a pierdut</translation>
    </message>
    <message>
        <source>the relay is restarting</source>
        <translation>releul repornește</translation>
    </message>
    <message>
        <source>{host} is busy (it answered {status})</source>
        <translation>{host} este ocupat (a răspuns {status})</translation>
    </message>
    <message>
        <source>{why}; {who} can answer for less.</source>
        <translation>{why}; se poate răspunde mai ieftin de pe {who}.</translation>
    </message>
    <message>
        <source>No engine answers at {url}.</source>
        <translation>La {url} nu răspunde niciun motor.</translation>
    </message>
    <message>
        <source>Try again in a moment.</source>
        <translation>Încearcă din nou peste o clipă.</translation>
    </message>
    <message>
        <source>it runs on its battery</source>
        <translation>merge pe baterie</translation>
    </message>
    <message>
        <source>they are there already</source>
        <translation>sunt deja acolo</translation>
    </message>
    <message>
        <source>you used this PC {ago} ago.</source>
        <translation>ai folosit acest PC acum {ago}.</translation>
    </message>
    <message>
        <source>Choose another model.</source>
        <translation>Alege alt model.</translation>
    </message>
    <message>
        <source>games and full screen</source>
        <translation>jocuri și ecran complet</translation>
    </message>
    <message>
        <source>it does not answer ({why})</source>
        <translation>nu răspunde ({why})</translation>
    </message>
    <message>
        <source>read-only file system</source>
        <translation>sistemul de fișiere permite doar citirea</translation>
    </message>
    <message>
        <source>{engine} has no model named {model}.</source>
        <translation>{engine} nu are niciun model cu numele {model}.</translation>
    </message>
    <message>
        <source>{why}: it counts as in use</source>
        <translation>{why}: se consideră folosit</translation>
    </message>
    <message>
        <source>Choose another file.</source>
        <translation>Alege alt fișier.</translation>
    </message>
    <message>
        <source>It wants an API key.</source>
        <translation>Cere o cheie API.</translation>
    </message>
    <message>
        <source>Nightjar is closing.</source>
        <translation>Nightjar se închide.</translation>
    </message>
    <message>
        <source>Nothing was changed.</source>
        <translation>Nimic nu s-a schimbat.</translation>
    </message>
    <message>
        <source>it was revoked there</source>
        <translation>a fost revocat acolo</translation>
    </message>
    <message>
        <source>its schedule says so</source>
        <translation>așa spune orarul lui</translation>
    </message>
    <message>
        <source>the camera is in use</source>
        <translation>camera este folosită</translation>
    </message>
    <message>
        <source>{size}, {format}, made for {context} tokens</source>
        <translation>{size}, {format}, făcut pentru {context} tokenuri</translation>
    </message>
    <message>
        <source>its memory is short</source>
        <translation>memoria lui nu ajunge</translation>
    </message>
    <message>
        <source>its owner paused it</source>
        <translation>proprietarul l-a pus pe pauză</translation>
    </message>
    <message>
        <source>loading the model {model}.</source>
        <translation>se încarcă modelul {model}.</translation>
    </message>
    <message>
        <source>you may not read it</source>
        <translation>nu ai voie să îl citești</translation>
    </message>
    <message>
        <source>Check the address.</source>
        <translation>Verifică adresa.</translation>
    </message>
    <message>
        <source>input/output error</source>
        <translation>eroare de intrare/ieșire</translation>
    </message>
    <message>
        <source>it does not answer</source>
        <translation>nu răspunde</translation>
    </message>
    <message>
        <source>sharing starts in {countdown}</source>
        <translation>partajarea începe peste {countdown}</translation>
    </message>
    <message>
        <source>{host} cannot be reached</source>
        <translation>{host} nu poate fi contactat</translation>
    </message>
    <message>
        <source>{path} cannot be used: {why}.</source>
        <translation>{path} nu poate fi folosit: {why}.</translation>
    </message>
    <message>
        <source>{what} fills the screen.</source>
        <translation>{what} umple ecranul.</translation>
    </message>
    <message>
        <source>costs by the byte</source>
        <translation>se plătește după trafic</translation>
    </message>
    <message>
        <source>no answer in time</source>
        <translation>niciun răspuns la timp</translation>
    </message>
    <message>
        <source>permission denied</source>
        <translation>accesul este interzis</translation>
    </message>
    <message>
        <source>writing 1 answer.</source>
        <translation>un răspuns în lucru.</translation>
    </message>
    <message>
        <source>writing {count} answers.</source>
        <translation>răspunsuri în lucru: {count}.</translation>
    </message>
    <message>
        <source>{host} does not answer</source>
        <translation>{host} nu răspunde</translation>
    </message>
    <message>
        <source>Cannot read {path}: {why}.</source>
        <translation>{path} nu poate fi citit: {why}.</translation>
    </message>
    <message>
        <source>films and calls</source>
        <translation>filme și apeluri</translation>
    </message>
    <message>
        <source>graphics memory</source>
        <translation>memorie video</translation>
    </message>
    <message>
        <source>it is not there</source>
        <translation>nu este acolo</translation>
    </message>
    <message>
        <source>it was declined</source>
        <translation>a fost refuzat</translation>
    </message>
    <message>
        <source>{share} used by others</source>
        <translation>{share} folosit de altele</translation>
    </message>
    <message>
        <source>Paused by you.</source>
        <translation>Pus pe pauză de tine.</translation>
    </message>
    <message>
        <source>a presentation</source>
        <translation>o prezentare</translation>
    </message>
    <message>
        <source>answers in {time} ms</source>
        <translation>răspunde în {time} ms</translation>
    </message>
    <message>
        <source>can be written</source>
        <translation>se poate scrie</translation>
    </message>
    <message>
        <source>control socket</source>
        <translation>socket de control</translation>
    </message>
    <message>
        <source>on battery, {percent} %</source>
        <translation>pe baterie, {percent} %</translation>
    </message>
    <message>
        <source>sleep and lock</source>
        <translation>repaus și blocare</translation>
    </message>
    <message>
        <source>Enrol again: {command}</source>
        <translation>Înscrie din nou: {command}</translation>
    </message>
    <message>
        <source>graphics card</source>
        <translation>placa video</translation>
    </message>
    <message>
        <source>it is too hot</source>
        <translation>s-a încins prea tare</translation>
    </message>
    <message>
        <source>all together</source>
        <translation>toate împreună</translation>
    </message>
    <message>
        <source>it answered {status}</source>
        <translation>a răspuns {status}</translation>
    </message>
    <message>
        <source>it is in use</source>
        <translation>este folosit</translation>
    </message>
    <message>
        <source>next try in {countdown}</source>
        <translation>următoarea încercare peste {countdown}</translation>
    </message>
    <message>
        <source>on mains, {percent} %</source>
        <translation>la priză, {percent} %</translation>
    </message>
    <message>
        <source>your absence</source>
        <translation>absența ta</translation>
    </message>
    <message>
        <source>Try again: {command}</source>
        <translation>Încearcă din nou: {command}</translation>
    </message>
    <message>
        <source>confinement</source>
        <translation>izolare</translation>
    </message>
    <message>
        <source>goes on in {countdown}</source>
        <translation>continuă peste {countdown}</translation>
    </message>
    <message>
        <source>nothing now</source>
        <translation>nimic acum</translation>
    </message>
    <message>
        <source>your return</source>
        <translation>întoarcerea ta</translation>
    </message>
    <message>
        <source>1 other PC</source>
        <translation>un alt PC</translation>
    </message>
    <message>
        <source>Enrol it: {command}</source>
        <translation>Înscrie-l: {command}</translation>
    </message>
    <message>
        <source>last input</source>
        <translation>ultima folosire</translation>
    </message>
    <message>
        <source>not locked</source>
        <translation>neblocat</translation>
    </message>
    <message>
        <source>on battery</source>
        <translation>pe baterie</translation>
    </message>
    <message>
        <source>{count} other PCs</source>
        <translation>alte PC-uri ({count})</translation>
    </message>
    <message>
        <source>a program</source>
        <translation>un program</translation>
    </message>
    <message>
        <source>enrolment</source>
        <translation>înscriere</translation>
    </message>
    <message>
        <source>hands off</source>
        <translation>fără mouse și tastatură</translation>
    </message>
    <message>
        <source>no sensor</source>
        <translation>niciun senzor</translation>
    </message>
    <message>
        <source>processor</source>
        <translation>procesorul</translation>
    </message>
    <message>
        <source>1 answer</source>
        <translation>un răspuns</translation>
    </message>
    <message>
        <source>kept in {where}</source>
        <translation>păstrată în {where}</translation>
    </message>
    <message>
        <source>on mains</source>
        <translation>la priză</translation>
    </message>
    <message>
        <source>settings</source>
        <translation>setări</translation>
    </message>
    <message>
        <source>{count} answers</source>
        <translation>răspunsuri: {count}</translation>
    </message>
    <message>
        <source>answers</source>
        <translation>răspunde</translation>
    </message>
    <message>
        <source>folders</source>
        <translation>dosare</translation>
    </message>
    <message>
        <source>network</source>
        <translation>rețea</translation>
    </message>
    <message>
        <source>1 call</source>
        <translation>în total 1</translation>
    </message>
    <message>
        <source>a game</source>
        <translation>un joc</translation>
    </message>
    <message>
        <source>driver</source>
        <translation>driver</translation>
    </message>
    <message>
        <source>locked</source>
        <translation>blocat</translation>
    </message>
    <message>
        <source>memory</source>
        <translation>memorie</translation>
    </message>
    <message>
        <source>record</source>
        <translation>evidență</translation>
    </message>
    <message>
        <source>{count} calls</source>
        <translation>în total {count}</translation>
    </message>
    <message>
        <source>{seconds} s ago</source>
        <translation>acum {seconds} s</translation>
    </message>
    <message>
        <source>agent</source>
        <translation>agent</translation>
    </message>
    <message>
        <source>model</source>
        <translation>model</translation>
    </message>
    <message>
        <source>power</source>
        <translation>alimentare</translation>
    </message>
    <message>
        <source>relay</source>
        <translation>releu</translation>
    </message>
    <message>
        <source>heat</source>
        <translation>căldură</translation>
    </message>
    <message>
        <source>read</source>
        <translation>citite</translation>
    </message>
    <message>
        <source>key</source>
        <translation>cheie</translation>
    </message>
    <message>
        <source>{what}.</source>
        <translation>{what}.</translation>
    </message>
</context>
<context>
    <name>DiagnosticsPage</name>
    <message>
        <source>Try again</source>
        <translation>Încearcă din nou</translation>
    </message>
    <message>
        <source>Last fault</source>
        <translation>Ultima eroare</translation>
    </message>
    <message>
        <source>Self-test</source>
        <translation>Autotestare</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>Raport</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>Jurnal</translation>
    </message>
    <message>
        <source>Save the report</source>
        <translation>Salvează raportul</translation>
    </message>
</context>
<context>
    <name>DiagnosticsPresenter</name>
    <message>
        <source>Nothing has been written yet.</source>
        <translation>Încă nu s-a scris nimic.</translation>
    </message>
    <message>
        <source>Nightjar met a fault at %1 that it did not expect. The report has it too.</source>
        <translation>La %1, Nightjar a dat peste o eroare la care nu se aștepta. Apare și în raport.</translation>
    </message>
    <message>
        <source>Looking at everything once…</source>
        <translation>Se verifică totul o dată…</translation>
    </message>
    <message>
        <source>Everything works.</source>
        <translation>Totul funcționează.</translation>
    </message>
    <message>
        <source>One thing does not work.</source>
        <translation>Un lucru nu funcționează.</translation>
    </message>
    <message numerus="yes">
        <source>%Ln things do not work.</source>
        <translation>
            <numerusform>%Ln lucru nu funcționează.</numerusform>
            <numerusform>%Ln lucruri nu funcționează.</numerusform>
            <numerusform>%Ln de lucruri nu funcționează.</numerusform>
        </translation>
    </message>
    <message>
        <source>As it was found at %1.</source>
        <translation>Așa cum s-a găsit la %1.</translation>
    </message>
    <message>
        <source>Works</source>
        <translation>Funcționează</translation>
    </message>
    <message>
        <source>Does not work</source>
        <translation>Nu funcționează</translation>
    </message>
    <message>
        <source>Not here</source>
        <translation>Nu există aici</translation>
    </message>
    <message>
        <source>Saved as %1.</source>
        <translation>Salvat ca %1.</translation>
    </message>
    <message>
        <source>This is all of it. Nothing is sent by itself: save or copy it, and give it to whom you trust.</source>
        <translation>Asta este tot. Nimic nu se trimite de la sine: salvează-l sau copiază-l și dă-l cui ai încredere.</translation>
    </message>
    <message>
        <source>Hardware, self-test and log, for whoever helps you. Your name, this PC&apos;s name, addresses and keys are left out. You see it before it goes anywhere.</source>
        <translation>Hardware, autotestare și jurnal, pentru cine te ajută. Numele tău, numele acestui PC, adresele și cheile sunt omise. Îl vezi înainte să ajungă undeva.</translation>
    </message>
</context>
<context>
    <name>EarningsCard</name>
    <message>
        <source>Earned</source>
        <translation>Câștigat</translation>
    </message>
    <message>
        <source>today</source>
        <translation>astăzi</translation>
    </message>
    <message>
        <source>This month</source>
        <translation>Luna aceasta</translation>
    </message>
    <message>
        <source>All time</source>
        <translation>În total</translation>
    </message>
</context>
<context>
    <name>EarningsPage</name>
    <message>
        <source>Try again</source>
        <translation>Încearcă din nou</translation>
    </message>
    <message>
        <source>Earned</source>
        <translation>Câștigat</translation>
    </message>
    <message>
        <source>By day</source>
        <translation>Pe zile</translation>
    </message>
    <message>
        <source>By model</source>
        <translation>Pe modele</translation>
    </message>
    <message>
        <source>Why not more?</source>
        <translation>De ce nu mai mult?</translation>
    </message>
    <message>
        <source>Save earnings</source>
        <translation>Salvează câștigurile</translation>
    </message>
    <message>
        <source>Tables (*.csv)</source>
        <translation>Tabele (*.csv)</translation>
    </message>
</context>
<context>
    <name>EarningsPresenter</name>
    <message>
        <source>What this PC earns shows here once it is connected to a relay. You can do that on Home.</source>
        <translation>Ce câștigă acest PC apare aici după ce îl conectezi la un releu. Poți face asta pe pagina Acasă.</translation>
    </message>
    <message>
        <source>Asking the relay…</source>
        <translation>Se așteaptă răspunsul releului…</translation>
    </message>
    <message>
        <source>Earnings show here while Nightjar is at work.</source>
        <translation>Câștigurile apar aici cât timp Nightjar lucrează.</translation>
    </message>
    <message>
        <source>Nothing earned yet. The first answer that this PC gives shows here within seconds.</source>
        <translation>Încă niciun câștig. Primul răspuns dat de acest PC apare aici în câteva secunde.</translation>
    </message>
    <message numerus="yes">
        <source>Nothing earned in the last %Ln days.</source>
        <translation>
            <numerusform>Niciun câștig în ultima zi (%Ln).</numerusform>
            <numerusform>Niciun câștig în ultimele %Ln zile.</numerusform>
            <numerusform>Niciun câștig în ultimele %Ln de zile.</numerusform>
        </translation>
    </message>
    <message>
        <source>As the relay&apos;s books said at %1. Days are those of UTC.</source>
        <translation>Conform registrelor releului, la %1. Zilele sunt cele UTC.</translation>
    </message>
    <message>
        <source>Last hour</source>
        <translation>Ultima oră</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>Astăzi</translation>
    </message>
    <message>
        <source>7 days</source>
        <translation>7 zile</translation>
    </message>
    <message>
        <source>30 days</source>
        <translation>30 de zile</translation>
    </message>
    <message>
        <source>Lifetime</source>
        <translation>De la început</translation>
    </message>
    <message>
        <source>1 answer</source>
        <translation>1 răspuns</translation>
    </message>
    <message numerus="yes">
        <source>%Ln answers</source>
        <translation>
            <numerusform>%Ln răspuns</numerusform>
            <numerusform>%Ln răspunsuri</numerusform>
            <numerusform>%Ln de răspunsuri</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 of it is pending: it is held until checks of the answers are done, and can be taken back.</source>
        <translation>%1 sunt în așteptare: suma este reținută până se termină verificarea răspunsurilor și poate fi luată înapoi.</translation>
    </message>
    <message numerus="yes">
        <source>%1 in %Ln days</source>
        <translation>
            <numerusform>%1 în %Ln zi</numerusform>
            <numerusform>%1 în %Ln zile</numerusform>
            <numerusform>%1 în %Ln de zile</numerusform>
        </translation>
    </message>
    <message>
        <source>Day</source>
        <translation>Ziua</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Model</translation>
    </message>
    <message>
        <source>Answers</source>
        <translation>Răspunsuri</translation>
    </message>
    <message>
        <source>Earned</source>
        <translation>Câștigat</translation>
    </message>
    <message>
        <source>Saved as %1.</source>
        <translation>Salvat ca %1.</translation>
    </message>
</context>
<context>
    <name>EnrolmentCard</name>
    <message>
        <source>Connect to a relay</source>
        <translation>Conectează-te la un releu</translation>
    </message>
    <message>
        <source>Connect in browser</source>
        <translation>Conectează în browser</translation>
    </message>
    <message>
        <source>Address of the &amp;relay</source>
        <translation>Adresa &amp;releului</translation>
    </message>
    <message>
        <source>Address of the relay</source>
        <translation>Adresa releului</translation>
    </message>
    <message>
        <source>You sign in there with your browser and approve this PC. No password is typed here.</source>
        <translation>Te autentifici acolo, în browser, și aprobi acest PC. Aici nu scrii nicio parolă.</translation>
    </message>
    <message>
        <source>No relay at hand? This PC can run a private one, for your own programs.</source>
        <translation>Nu ai un releu? Acest PC poate rula unul privat, pentru programele tale.</translation>
    </message>
    <message>
        <source>Set up a private relay…</source>
        <translation>Configurează un releu privat…</translation>
    </message>
    <message>
        <source>Address of the approval page</source>
        <translation>Adresa paginii de aprobare</translation>
    </message>
    <message>
        <source>Copy address</source>
        <translation>Copiază adresa</translation>
    </message>
    <message>
        <source>Open the approval page</source>
        <translation>Deschide pagina de aprobare</translation>
    </message>
    <message>
        <source>Copy code</source>
        <translation>Copiază codul</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Anulează</translation>
    </message>
    <message>
        <source>Approve this PC in your browser. The code it shows or asks for is this one:</source>
        <translation>Aprobă acest PC în browser. Codul pe care îl arată sau îl cere este acesta:</translation>
    </message>
    <message>
        <source>Code: %1</source>
        <translation>Cod: %1</translation>
    </message>
</context>
<context>
    <name>FirstRunPresenter</name>
    <message>
        <source>Step %1 of %2</source>
        <translation>Pasul %1 din %2</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>Înapoi</translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>Continuă</translation>
    </message>
    <message>
        <source>Lend this PC’s idle time, and earn with it</source>
        <translation>Împrumută timpul liber al acestui PC și câștigă cu el</translation>
    </message>
    <message>
        <source>What it does</source>
        <translation>Ce face</translation>
    </message>
    <message>
        <source>While you do not use this PC, it answers questions that people send to a language model. When you come back, it stops at once, and its memory is yours again within 3 seconds.</source>
        <translation>Cât timp nu folosești acest PC, el răspunde la întrebările pe care oamenii le trimit unui model de limbaj. Când te întorci, se oprește imediat, iar memoria lui este din nou a ta în 3 secunde.</translation>
    </message>
    <message>
        <source>What it costs</source>
        <translation>Ce costă</translation>
    </message>
    <message>
        <source>Electricity: a PC that computes draws more than one that rests. You say when it may, and how much; earnings of each day are shown.</source>
        <translation>Curent electric: un PC care calculează consumă mai mult decât unul care se odihnește. Tu spui când are voie și cât; câștigurile fiecărei zile sunt afișate.</translation>
    </message>
    <message>
        <source>What stays private</source>
        <translation>Ce rămâne privat</translation>
    </message>
    <message>
        <source>Strangers’ questions are worked on in memory and never written to the disk. They can reach neither your files nor your network, as far as this system can keep them away.</source>
        <translation>Întrebările străinilor se prelucrează doar în memorie și nu se scriu niciodată pe disc. Nu pot ajunge nici la fișierele tale, nici la rețeaua ta, atât cât le poate ține departe sistemul.</translation>
    </message>
    <message>
        <source>What you get</source>
        <translation>Ce primești</translation>
    </message>
    <message>
        <source>70 % of what each answer costs. It can be taken back for 3 days if checks of it fail.</source>
        <translation>70 % din cât costă fiecare răspuns. Suma poate fi luată înapoi timp de 3 zile, dacă răspunsul nu trece verificările.</translation>
    </message>
    <message>
        <source>Nothing is shared before the last of these five steps.</source>
        <translation>Nimic nu se partajează înainte de ultimul dintre acești cinci pași.</translation>
    </message>
    <message>
        <source>Look around first</source>
        <translation>Întâi mă uit puțin</translation>
    </message>
    <message>
        <source>Starting…</source>
        <translation>Pornește…</translation>
    </message>
    <message>
        <source>This PC is connected to %1.</source>
        <translation>Acest PC este conectat la %1.</translation>
    </message>
    <message>
        <source>Connect this PC</source>
        <translation>Conectează acest PC</translation>
    </message>
    <message>
        <source>Does it notice you?</source>
        <translation>Îți observă prezența?</translation>
    </message>
    <message>
        <source>Nightjar must see when you are away and when you are back. The test takes ten seconds: leave mouse and keyboard alone, then move the mouse.</source>
        <translation>Nightjar trebuie să vadă când pleci și când te întorci. Testul durează zece secunde: nu atinge mouse-ul și tastatura, apoi mișcă mouse-ul.</translation>
    </message>
    <message>
        <source>How fast is it?</source>
        <translation>Cât de rapid este?</translation>
    </message>
    <message>
        <source>A short test</source>
        <translation>Un test scurt</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>Încearcă din nou</translation>
    </message>
    <message>
        <source>Begin the test</source>
        <translation>Începe testul</translation>
    </message>
    <message>
        <source>Continue without it</source>
        <translation>Continuă fără test</translation>
    </message>
    <message>
        <source>Hands off for ten seconds…</source>
        <translation>Nu atinge nimic zece secunde…</translation>
    </message>
    <message>
        <source>Now move the mouse.</source>
        <translation>Acum mișcă mouse-ul.</translation>
    </message>
    <message>
        <source>It noticed that you were away, and that you came back.</source>
        <translation>A observat că ai plecat și că te-ai întors.</translation>
    </message>
    <message>
        <source>It did not notice you. When idle counts you as present then; Diagnostics can tell more.</source>
        <translation>Nu ți-a observat prezența. „Când e liber” te consideră atunci prezent; pagina Diagnostic poate spune mai multe.</translation>
    </message>
    <message>
        <source>%1 writes %2 tokens a second here; a token is about three quarters of a word.</source>
        <translation>%1 scrie aici %2 tokenuri pe secundă; un token este cam trei sferturi dintr-un cuvânt.</translation>
    </message>
    <message>
        <source>A model for this PC</source>
        <translation>Un model pentru acest PC</translation>
    </message>
    <message>
        <source>The best for this PC</source>
        <translation>Cel mai bun pentru acest PC</translation>
    </message>
    <message>
        <source>It fits this PC’s memory, and earns most for what the network asks for now. There are more, and your own files can be used too: all of that is on the page Models, at any time.</source>
        <translation>Încape în memoria acestui PC și câștigă cel mai mult din ce cere rețeaua acum. Există și altele și poți folosi și propriile fișiere: le găsești oricând pe pagina Modele.</translation>
    </message>
    <message>
        <source>Continue with the small one</source>
        <translation>Continuă cu cel mic</translation>
    </message>
    <message>
        <source>The small model that comes with Nightjar is used until you choose another.</source>
        <translation>Modelul mic care vine cu Nightjar este folosit până alegi altul.</translation>
    </message>
    <message>
        <source>Looking at what the network wants…</source>
        <translation>Se verifică ce modele caută rețeaua…</translation>
    </message>
    <message>
        <source>The relay recommends no model for this PC at the moment. The small one that comes with Nightjar is used.</source>
        <translation>Releul nu recomandă momentan niciun model pentru acest PC. Se folosește cel mic, care vine cu Nightjar.</translation>
    </message>
    <message>
        <source>Nothing is shared until you switch it on, here or in the tray.</source>
        <translation>Nimic nu se partajează până nu pornești tu, aici sau din zona de notificare.</translation>
    </message>
    <message>
        <source>After five minutes without you; never beside games, films, calls or work of yours.</source>
        <translation>După cinci minute fără tine; niciodată pe lângă jocurile, filmele, apelurile sau munca ta.</translation>
    </message>
    <message>
        <source>Also while you use this PC. It may feel slower then.</source>
        <translation>Și cât timp folosești acest PC. S-ar putea atunci să pară mai lent.</translation>
    </message>
    <message>
        <source>When may this PC share?</source>
        <translation>Când poate partaja acest PC?</translation>
    </message>
    <message>
        <source>Finish</source>
        <translation>Gata</translation>
    </message>
    <message>
        <source>Start sharing</source>
        <translation>Începe partajarea</translation>
    </message>
</context>
<context>
    <name>Interface</name>
    <message>
        <source>Closing this window leaves Nightjar running in the tray.</source>
        <translation>Dacă închizi fereastra, Nightjar rulează mai departe în zona de notificare.</translation>
    </message>
    <message>
        <source>This desktop shows no tray, so Nightjar lives in this window. On GNOME, the extension “AppIndicator Support” adds one.</source>
        <translation>Acest desktop nu are zonă de notificare, așa că Nightjar stă în fereastra aceasta. În GNOME, extensia „AppIndicator Support” adaugă una.</translation>
    </message>
</context>
<context>
    <name>LibraryPresenter</name>
    <message>
        <source>Looking at your models…</source>
        <translation>Se verifică modelele tale…</translation>
    </message>
    <message>
        <source>No model of your own yet, beside the small one that comes with Nightjar. Choose one below: those at the top earn most on this PC.</source>
        <translation>Încă niciun model al tău, pe lângă cel mic, care vine cu Nightjar. Alege unul mai jos: primele din listă câștigă cel mai mult pe acest PC.</translation>
    </message>
    <message>
        <source>Missing</source>
        <translation>Lipsește</translation>
    </message>
    <message>
        <source>Its file is gone. Bring the disk or the file back.</source>
        <translation>Fișierul lui a dispărut. Adu înapoi discul sau fișierul.</translation>
    </message>
    <message>
        <source>Its file was changed since it was checked. Import it again to use it.</source>
        <translation>Fișierul lui s-a schimbat de când a fost verificat. Importă-l din nou ca să-l folosești.</translation>
    </message>
    <message>
        <source>Changed</source>
        <translation>Schimbat</translation>
    </message>
    <message>
        <source>Not offered</source>
        <translation>Neoferit</translation>
    </message>
    <message>
        <source>Offered</source>
        <translation>Oferit</translation>
    </message>
    <message>
        <source>%1 tokens/s</source>
        <translation>%1 tokenuri/s</translation>
    </message>
    <message>
        <source>looks at images</source>
        <translation>vede imagini</translation>
    </message>
    <message>
        <source>your own file</source>
        <translation>fișierul tău</translation>
    </message>
    <message>
        <source>from LM Studio</source>
        <translation>din LM Studio</translation>
    </message>
    <message>
        <source>from Ollama</source>
        <translation>din Ollama</translation>
    </message>
    <message>
        <source>from Hugging Face</source>
        <translation>de la Hugging Face</translation>
    </message>
    <message>
        <source>Stop offering</source>
        <translation>Nu mai oferi</translation>
    </message>
    <message>
        <source>Stop offering %1</source>
        <translation>Nu mai oferi %1</translation>
    </message>
    <message>
        <source>Offer</source>
        <translation>Oferă</translation>
    </message>
    <message>
        <source>Offer %1</source>
        <translation>Oferă %1</translation>
    </message>
    <message>
        <source>Delete…</source>
        <translation>Șterge…</translation>
    </message>
    <message>
        <source>Delete %1</source>
        <translation>Șterge %1</translation>
    </message>
    <message>
        <source>Remove…</source>
        <translation>Elimină…</translation>
    </message>
    <message>
        <source>Remove %1</source>
        <translation>Elimină %1</translation>
    </message>
    <message>
        <source>Its file (%1) is deleted from this PC. To use it again, it has to be downloaded anew.</source>
        <translation>Fișierul lui (%1) se șterge de pe acest PC. Ca să-l folosești iar, trebuie descărcat din nou.</translation>
    </message>
    <message>
        <source>Delete %1?</source>
        <translation>Ștergi %1?</translation>
    </message>
    <message>
        <source>Delete the file</source>
        <translation>Șterge fișierul</translation>
    </message>
    <message>
        <source>Remove %1 from Nightjar?</source>
        <translation>Elimini %1 din Nightjar?</translation>
    </message>
    <message>
        <source>It is no longer offered. Its file stays where it is: %1</source>
        <translation>Nu mai este oferit. Fișierul lui rămâne unde este: %1</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Elimină</translation>
    </message>
    <message>
        <source>Deleted; %1 are free again.</source>
        <translation>Șters; s-au eliberat %1.</translation>
    </message>
    <message>
        <source>Removed; no file was deleted.</source>
        <translation>Eliminat; niciun fișier nu a fost șters.</translation>
    </message>
    <message>
        <source>Cancel…</source>
        <translation>Anulează…</translation>
    </message>
    <message>
        <source>Cancel the download of %1</source>
        <translation>Anulează descărcarea modelului %1</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>Reia</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>Încearcă din nou</translation>
    </message>
    <message>
        <source>Resume the download of %1</source>
        <translation>Reia descărcarea modelului %1</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Pauză</translation>
    </message>
    <message>
        <source>Pause the download of %1</source>
        <translation>Pune pe pauză descărcarea modelului %1</translation>
    </message>
    <message>
        <source>Give up the download of %1?</source>
        <translation>Renunți la descărcarea modelului %1?</translation>
    </message>
    <message>
        <source>The %1 that are here already are deleted.</source>
        <translation>Cei %1 descărcați deja se șterg.</translation>
    </message>
    <message>
        <source>Nothing of it is here yet.</source>
        <translation>Încă nu s-a descărcat nimic din el.</translation>
    </message>
    <message>
        <source>Give it up</source>
        <translation>Renunță la descărcare</translation>
    </message>
    <message>
        <source>about %1 tokens/s here</source>
        <translation>aici cam %1 tokenuri/s</translation>
    </message>
    <message>
        <source>Comes with Nightjar, to try it out.</source>
        <translation>Vine cu Nightjar, pentru probă.</translation>
    </message>
    <message>
        <source>an hour, about</source>
        <translation>pe oră, aprox.</translation>
    </message>
    <message>
        <source>1 call last week</source>
        <translation>1 cerere săptămâna trecută</translation>
    </message>
    <message numerus="yes">
        <source>%Ln calls last week</source>
        <translation>
            <numerusform>%Ln cerere săptămâna trecută</numerusform>
            <numerusform>%Ln cereri săptămâna trecută</numerusform>
            <numerusform>%Ln de cereri săptămâna trecută</numerusform>
        </translation>
    </message>
    <message>
        <source>on 1 PC</source>
        <translation>pe 1 PC</translation>
    </message>
    <message numerus="yes">
        <source>on %Ln PCs</source>
        <translation>
            <numerusform>pe %Ln PC</numerusform>
            <numerusform>pe %Ln PC-uri</numerusform>
            <numerusform>pe %Ln de PC-uri</numerusform>
        </translation>
    </message>
    <message>
        <source>On this PC</source>
        <translation>Pe acest PC</translation>
    </message>
    <message>
        <source>In the queue</source>
        <translation>În coadă</translation>
    </message>
    <message>
        <source>It needs more memory than this PC has to spare.</source>
        <translation>Are nevoie de mai multă memorie decât are liberă acest PC.</translation>
    </message>
    <message>
        <source>It needs %1 of the disk; %2 are free.</source>
        <translation>Are nevoie de %1 pe disc; sunt liberi %2.</translation>
    </message>
    <message>
        <source>Download %1</source>
        <translation>Descarcă %1</translation>
    </message>
    <message>
        <source>Download</source>
        <translation>Descarcă</translation>
    </message>
    <message>
        <source>Looking at what the network wants…</source>
        <translation>Se verifică ce modele caută rețeaua…</translation>
    </message>
    <message>
        <source>No model of the catalogue fits “%1”. Try fewer words.</source>
        <translation>Niciun model din catalog nu se potrivește cu „%1”. Încearcă mai puține cuvinte.</translation>
    </message>
    <message>
        <source>The catalogue is empty: the relay wants no models at the moment.</source>
        <translation>Catalogul este gol: releul nu dorește momentan niciun model.</translation>
    </message>
    <message>
        <source>fits with room</source>
        <translation>încape lejer</translation>
    </message>
    <message>
        <source>fits, tightly</source>
        <translation>încape la limită</translation>
    </message>
    <message>
        <source>fits partly, slow</source>
        <translation>încape parțial, lent</translation>
    </message>
    <message>
        <source>does not fit</source>
        <translation>nu încape</translation>
    </message>
    <message>
        <source>%1 used by models, %2 free on this disk</source>
        <translation>%1 ocupați de modele, %2 liberi pe acest disc</translation>
    </message>
    <message>
        <source>%1 more in other programs&apos; folders</source>
        <translation>încă %1 în dosarele altor programe</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 din %2</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Oprește</translation>
    </message>
    <message>
        <source>Stopping…</source>
        <translation>Se oprește…</translation>
    </message>
    <message>
        <source>Reading %1</source>
        <translation>Se citește %1</translation>
    </message>
    <message>
        <source>Moving the models to %1</source>
        <translation>Modelele se mută în %1</translation>
    </message>
    <message>
        <source>Deleting %1</source>
        <translation>Se șterge %1</translation>
    </message>
    <message>
        <source>One moment…</source>
        <translation>O clipă…</translation>
    </message>
    <message>
        <source>Imported %1; the file stays where it is.</source>
        <translation>%1 a fost importat; fișierul rămâne unde este.</translation>
    </message>
    <message>
        <source>The models are in %1 now.</source>
        <translation>Modelele sunt acum în %1.</translation>
    </message>
    <message>
        <source>Stopped; nothing was changed.</source>
        <translation>Oprit; nimic nu s-a schimbat.</translation>
    </message>
</context>
<context>
    <name>LinkPresenter</name>
    <message>
        <source>A page of that relay opens in your browser, where you approve it.</source>
        <translation>Se deschide în browser o pagină a acelui releu, unde îl aprobi.</translation>
    </message>
    <message>
        <source>The link brings a token of its own, so the relay asks nothing more.</source>
        <translation>Linkul aduce propriul cod de acces, așa că releul nu mai întreabă nimic.</translation>
    </message>
    <message>
        <source>A link asks for this. Agree only if you know who gave it to you.</source>
        <translation>Un link cere asta. Acceptă doar dacă știi cine ți l-a dat.</translation>
    </message>
    <message>
        <source>From then on this PC answers the calls that come from there, whenever your rules let it share.</source>
        <translation>De atunci, acest PC răspunde la cererile care vin de acolo, ori de câte ori îl lasă regulile tale să partajeze.</translation>
    </message>
    <message>
        <source>It ceases to share at %1.</source>
        <translation>Încetează să mai partajeze la %1.</translation>
    </message>
    <message>
        <source>Connect this PC to %1?</source>
        <translation>Conectezi acest PC la %1?</translation>
    </message>
    <message>
        <source>Connect</source>
        <translation>Conectează</translation>
    </message>
    <message>
        <source>This PC is connected to %1 already.</source>
        <translation>Acest PC este deja conectat la %1.</translation>
    </message>
    <message>
        <source>That page is there once the first steps are done.</source>
        <translation>Pagina aceea apare după ce termini primii pași.</translation>
    </message>
    <message>
        <source>This link is longer than any of Nightjar&apos;s: nothing was done.</source>
        <translation>Acest link este mai lung decât oricare al Nightjar: nu s-a făcut nimic.</translation>
    </message>
    <message>
        <source>This link has characters that no link of Nightjar&apos;s has: nothing was done.</source>
        <translation>Acest link are caractere pe care niciun link Nightjar nu le are: nu s-a făcut nimic.</translation>
    </message>
    <message>
        <source>This is no link for Nightjar: nothing was done.</source>
        <translation>Acesta nu este un link pentru Nightjar: nu s-a făcut nimic.</translation>
    </message>
    <message>
        <source>Nightjar does not know what this link asks for: nothing was done.</source>
        <translation>Nightjar nu știe ce cere acest link: nu s-a făcut nimic.</translation>
    </message>
    <message>
        <source>The address in this link is not one of a relay: nothing was done.</source>
        <translation>Adresa din acest link nu este a unui releu: nu s-a făcut nimic.</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>Keep Nightjar running?</source>
        <translation>Lași Nightjar să ruleze?</translation>
    </message>
    <message>
        <source>This desktop has no tray, so a closed window could not be opened again.</source>
        <translation>Acest desktop nu are zonă de notificare, așa că o fereastră închisă nu ar mai putea fi deschisă.</translation>
    </message>
    <message>
        <source>Keep running, minimised</source>
        <translation>Rulează minimizat</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>Ieșire</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Anulează</translation>
    </message>
</context>
<context>
    <name>ModeSwitch</name>
    <message>
        <source>When this PC shares</source>
        <translation>Când partajează acest PC</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>Oprit</translation>
    </message>
    <message>
        <source>Share never</source>
        <translation>Nu partaja niciodată</translation>
    </message>
    <message>
        <source>When idle</source>
        <translation>Când e liber</translation>
    </message>
    <message>
        <source>Share while nobody uses this PC</source>
        <translation>Partajează cât timp nimeni nu folosește acest PC</translation>
    </message>
    <message>
        <source>Always</source>
        <translation>Mereu</translation>
    </message>
    <message>
        <source>Share even while this PC is used</source>
        <translation>Partajează chiar și când acest PC este folosit</translation>
    </message>
</context>
<context>
    <name>ModelPresenter</name>
    <message>
        <source>Its file is gone. Bring the disk or the file back.</source>
        <translation>Fișierul lui a dispărut. Adu înapoi discul sau fișierul.</translation>
    </message>
    <message>
        <source>Missing</source>
        <translation>Lipsește</translation>
    </message>
    <message>
        <source>Loading</source>
        <translation>Se încarcă</translation>
    </message>
    <message>
        <source>Being read into memory…</source>
        <translation>Se citește în memorie…</translation>
    </message>
    <message>
        <source>Loaded into memory when it is needed.</source>
        <translation>Se încarcă în memorie când e nevoie de el.</translation>
    </message>
    <message>
        <source>Resting</source>
        <translation>În repaus</translation>
    </message>
    <message>
        <source>It will be back in a moment.</source>
        <translation>Revine într-o clipă.</translation>
    </message>
    <message>
        <source>Restarting</source>
        <translation>Repornește</translation>
    </message>
    <message>
        <source>It could not be started.</source>
        <translation>Nu a putut fi pornit.</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>Eșuat</translation>
    </message>
    <message>
        <source>Busy</source>
        <translation>Ocupat</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>Gata</translation>
    </message>
    <message>
        <source>%1 of %2 places in use</source>
        <translation>%1 din %2 locuri folosite</translation>
    </message>
    <message>
        <source>up to %1 tokens/s for one answer</source>
        <translation>până la %1 tokenuri/s pentru un răspuns</translation>
    </message>
    <message>
        <source>Downloaded: %1</source>
        <translation>Descărcat: %1</translation>
    </message>
    <message>
        <source>Queued</source>
        <translation>În coadă</translation>
    </message>
    <message>
        <source>Downloading</source>
        <translation>Se descarcă</translation>
    </message>
    <message>
        <source>Waiting</source>
        <translation>Așteaptă</translation>
    </message>
    <message>
        <source>paused by you</source>
        <translation>pus pe pauză de tine</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>În pauză</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>Oprit</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 din %2</translation>
    </message>
    <message>
        <source>%1/s</source>
        <translation>%1/s</translation>
    </message>
    <message>
        <source>less than a minute left</source>
        <translation>mai puțin de un minut</translation>
    </message>
    <message>
        <source>%1 min left</source>
        <translation>mai durează %1 min</translation>
    </message>
    <message>
        <source>%1 h left</source>
        <translation>mai durează %1 h</translation>
    </message>
    <message>
        <source>Next try in %1.</source>
        <translation>Următoarea încercare peste %1.</translation>
    </message>
    <message numerus="yes">
        <source>%Ln downloading, %1</source>
        <translation>
            <numerusform>%Ln în descărcare, %1</numerusform>
            <numerusform>%Ln în descărcare, %1</numerusform>
            <numerusform>%Ln în descărcare, %1</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln waiting to download, %1</source>
        <translation>
            <numerusform>%Ln așteaptă descărcarea, %1</numerusform>
            <numerusform>%Ln așteaptă descărcarea, %1</numerusform>
            <numerusform>%Ln așteaptă descărcarea, %1</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln stopped</source>
        <translation>
            <numerusform>%Ln oprit</numerusform>
            <numerusform>%Ln oprite</numerusform>
            <numerusform>%Ln oprite</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln paused</source>
        <translation>
            <numerusform>%Ln în pauză</numerusform>
            <numerusform>%Ln în pauză</numerusform>
            <numerusform>%Ln în pauză</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ModelsCard</name>
    <message>
        <source>Models</source>
        <translation>Modele</translation>
    </message>
</context>
<context>
    <name>ModelsPage</name>
    <message>
        <source>On this PC</source>
        <translation>Pe acest PC</translation>
    </message>
    <message>
        <source>On the way here</source>
        <translation>În curs de descărcare</translation>
    </message>
    <message>
        <source>Worth having on this PC, best first</source>
        <translation>Merită avute pe acest PC, cele mai bune întâi</translation>
    </message>
    <message>
        <source>Search by name, kind or size</source>
        <translation>Caută după nume, fel sau mărime</translation>
    </message>
    <message>
        <source>Search the catalogue</source>
        <translation>Caută în catalog</translation>
    </message>
    <message>
        <source>Choose a GGUF file…</source>
        <translation>Alege un fișier GGUF…</translation>
    </message>
    <message>
        <source>Import a model</source>
        <translation>Importă un model</translation>
    </message>
    <message>
        <source>Models (*.gguf)</source>
        <translation>Modele (*.gguf)</translation>
    </message>
    <message>
        <source>Keep models in another folder</source>
        <translation>Ține modelele în alt dosar</translation>
    </message>
</context>
<context>
    <name>NoticePresenter</name>
    <message>
        <source>Open Models</source>
        <translation>Deschide Modele</translation>
    </message>
    <message>
        <source>It gave its first answer, and earned %1.</source>
        <translation>A dat primul răspuns și a câștigat %1.</translation>
    </message>
    <message>
        <source>This PC has begun to earn</source>
        <translation>Acest PC a început să câștige</translation>
    </message>
    <message>
        <source>Show earnings</source>
        <translation>Arată câștigurile</translation>
    </message>
    <message>
        <source>%1 is downloaded, and checked byte for byte.</source>
        <translation>%1 este descărcat și verificat octet cu octet.</translation>
    </message>
    <message>
        <source>A model has arrived</source>
        <translation>A sosit un model</translation>
    </message>
    <message>
        <source>This PC is not connected any more</source>
        <translation>Acest PC nu mai este conectat</translation>
    </message>
    <message>
        <source>Open Nightjar</source>
        <translation>Deschide Nightjar</translation>
    </message>
    <message>
        <source>A download stopped</source>
        <translation>O descărcare s-a oprit</translation>
    </message>
    <message>
        <source>There is hardly any room left where Nightjar keeps its data: this PC does not share.</source>
        <translation>Nu mai este aproape deloc loc acolo unde Nightjar își ține datele: acest PC nu partajează.</translation>
    </message>
    <message>
        <source>The disk is almost full</source>
        <translation>Discul este aproape plin</translation>
    </message>
    <message>
        <source>The files of %1 are not where they were. Were they deleted, or is their disk away?</source>
        <translation>Fișierele modelului %1 nu mai sunt unde erau. Au fost șterse sau discul lor nu este conectat?</translation>
    </message>
    <message>
        <source>Models are missing</source>
        <translation>Lipsesc modele</translation>
    </message>
</context>
<context>
    <name>PauseMenu</name>
    <message>
        <source>Pause</source>
        <translation>Pauză</translation>
    </message>
    <message>
        <source>30 minutes</source>
        <translation>30 de minute</translation>
    </message>
    <message>
        <source>1 hour</source>
        <translation>1 oră</translation>
    </message>
    <message>
        <source>4 hours</source>
        <translation>4 ore</translation>
    </message>
    <message>
        <source>Until tomorrow</source>
        <translation>Până mâine</translation>
    </message>
    <message>
        <source>Until plugged in</source>
        <translation>Până la conectarea la priză</translation>
    </message>
    <message>
        <source>Until a program closes…</source>
        <translation>Până se închide un program…</translation>
    </message>
</context>
<context>
    <name>Presenter</name>
    <message>
        <source>This PC has no model to share yet.</source>
        <translation>Acest PC nu are încă niciun model de partajat.</translation>
    </message>
    <message>
        <source>Nothing to show yet.</source>
        <translation>Încă nimic de arătat.</translation>
    </message>
    <message>
        <source>No model is running.</source>
        <translation>Niciun model nu rulează.</translation>
    </message>
    <message>
        <source>Not connected</source>
        <translation>Neconectat</translation>
    </message>
    <message>
        <source>Nothing earned yet</source>
        <translation>Încă niciun câștig</translation>
    </message>
    <message>
        <source>Models…</source>
        <translation>Modele…</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>Ieșire</translation>
    </message>
    <message>
        <source>tokens/s</source>
        <translation>tokenuri/s</translation>
    </message>
    <message>
        <source>Peak of the last minute: %1 tokens/s</source>
        <translation>Maximul ultimului minut: %1 tokenuri/s</translation>
    </message>
    <message>
        <source>Nothing in the last minute</source>
        <translation>Nimic în ultimul minut</translation>
    </message>
    <message>
        <source>Speed over the last minute, now %1 tokens per second</source>
        <translation>Viteza în ultimul minut, acum %1 tokenuri pe secundă</translation>
    </message>
    <message>
        <source>Speed over the last minute, nothing yet</source>
        <translation>Viteza în ultimul minut, încă nimic</translation>
    </message>
    <message>
        <source>What this PC earns shows here once the relay has answered.</source>
        <translation>Ce câștigă acest PC apare aici după ce răspunde releul.</translation>
    </message>
    <message>
        <source>What this PC earns shows here once it is connected.</source>
        <translation>Ce câștigă acest PC apare aici după ce este conectat.</translation>
    </message>
    <message>
        <source>exactly %1</source>
        <translation>exact %1</translation>
    </message>
    <message>
        <source>No answers today yet</source>
        <translation>Astăzi încă niciun răspuns</translation>
    </message>
    <message>
        <source>1 answer today</source>
        <translation>1 răspuns astăzi</translation>
    </message>
    <message numerus="yes">
        <source>%Ln answers today</source>
        <translation>
            <numerusform>%Ln răspuns astăzi</numerusform>
            <numerusform>%Ln răspunsuri astăzi</numerusform>
            <numerusform>%Ln de răspunsuri astăzi</numerusform>
        </translation>
    </message>
    <message>
        <source>Connected since %1</source>
        <translation>Conectat de la %1</translation>
    </message>
    <message>
        <source>Connected</source>
        <translation>Conectat</translation>
    </message>
    <message>
        <source>Connecting…</source>
        <translation>Se conectează…</translation>
    </message>
    <message>
        <source>Opening the connection</source>
        <translation>Se deschide conexiunea</translation>
    </message>
    <message>
        <source>Refused</source>
        <translation>Refuzat</translation>
    </message>
    <message>
        <source>The relay does not answer.</source>
        <translation>Releul nu răspunde.</translation>
    </message>
    <message>
        <source>No contact</source>
        <translation>Fără contact</translation>
    </message>
    <message>
        <source>This PC belongs to no relay yet.</source>
        <translation>Acest PC nu aparține încă de niciun releu.</translation>
    </message>
    <message>
        <source>The code is good for another %1.</source>
        <translation>Codul mai este valabil %1.</translation>
    </message>
    <message>
        <source>Sharing: 1 answer, %1 tok/s</source>
        <translation>Partajează: 1 răspuns, %1 tok/s</translation>
    </message>
    <message numerus="yes">
        <source>Sharing: %Ln answers, %1 tok/s</source>
        <translation>
            <numerusform>Partajează: %Ln răspuns, %1 tok/s</numerusform>
            <numerusform>Partajează: %Ln răspunsuri, %1 tok/s</numerusform>
            <numerusform>Partajează: %Ln de răspunsuri, %1 tok/s</numerusform>
        </translation>
    </message>
    <message>
        <source>Paused until plugged in</source>
        <translation>În pauză până la conectarea la priză</translation>
    </message>
    <message>
        <source>Paused until %1 closes</source>
        <translation>În pauză până se închide %1</translation>
    </message>
    <message>
        <source>Paused until %1</source>
        <translation>În pauză până la %1</translation>
    </message>
    <message>
        <source>the relay</source>
        <translation>releul</translation>
    </message>
    <message>
        <source>No contact with %1</source>
        <translation>Fără contact cu %1</translation>
    </message>
    <message>
        <source>Waiting for your approval: %1</source>
        <translation>Așteaptă aprobarea ta: %1</translation>
    </message>
    <message>
        <source>%1; starts at %2</source>
        <translation>%1; începe la %2</translation>
    </message>
    <message>
        <source>%1; starts at %2 at the earliest</source>
        <translation>%1; începe cel mai devreme la %2</translation>
    </message>
    <message>
        <source>Models… (%1)</source>
        <translation>Modele… (%1)</translation>
    </message>
    <message>
        <source>Today %1 · this month %2</source>
        <translation>Astăzi %1 · luna aceasta %2</translation>
    </message>
    <message>
        <source>Quit now</source>
        <translation>Ieșire imediată</translation>
    </message>
    <message>
        <source>Quit (finishes 1 answer)</source>
        <translation>Ieșire (termină 1 răspuns)</translation>
    </message>
    <message numerus="yes">
        <source>Quit (finishes %Ln answers)</source>
        <translation>
            <numerusform>Ieșire (termină %Ln răspuns)</numerusform>
            <numerusform>Ieșire (termină %Ln răspunsuri)</numerusform>
            <numerusform>Ieșire (termină %Ln de răspunsuri)</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>PrivateRelayCard</name>
    <message>
        <source>A private relay</source>
        <translation>Un releu privat</translation>
    </message>
    <message>
        <source>Run a private relay on this PC</source>
        <translation>Rulează un releu privat pe acest PC</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>Adresă</translation>
    </message>
    <message>
        <source>API key</source>
        <translation>Cheie API</translation>
    </message>
</context>
<context>
    <name>PrivateRelayPresenter</name>
    <message>
        <source>Copied</source>
        <translation>Copiat</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Copiază</translation>
    </message>
    <message>
        <source>This PC is its node, and answers what it is asked.</source>
        <translation>Acest PC este nodul lui și răspunde la ce este întrebat.</translation>
    </message>
    <message>
        <source>Connect this PC to it…</source>
        <translation>Conectează acest PC la el…</translation>
    </message>
    <message>
        <source>A relay of your own, for programs on this PC that speak OpenAI&apos;s format. It runs as long as Nightjar does; nobody but this computer reaches it.</source>
        <translation>Un releu al tău, pentru programele de pe acest PC care folosesc formatul OpenAI. Rulează cât timp rulează Nightjar; numai acest calculator ajunge la el.</translation>
    </message>
    <message>
        <source>The relay is a program of its own, which is not on this PC. On Debian and Ubuntu it comes with the package nightjar-relay; once that is installed, it can be started here.</source>
        <translation>Releul este un program separat, care nu se află pe acest PC. Pe Debian și Ubuntu vine cu pachetul nightjar-relay; după ce este instalat, poate fi pornit de aici.</translation>
    </message>
    <message>
        <source>Starting…</source>
        <translation>Pornește…</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>Rulează</translation>
    </message>
    <message>
        <source>Finishing its calls…</source>
        <translation>Își termină cererile…</translation>
    </message>
    <message>
        <source>Not running</source>
        <translation>Nu rulează</translation>
    </message>
    <message>
        <source>Programs that call it are answered by the models of this PC, whenever your rules let it share.</source>
        <translation>Programelor care îl apelează le răspund modelele acestui PC, ori de câte ori regulile tale îl lasă să partajeze.</translation>
    </message>
    <message>
        <source>This PC ceases to share at %1.</source>
        <translation>Acest PC încetează să partajeze la %1.</translation>
    </message>
    <message>
        <source>Connect this PC to its own relay?</source>
        <translation>Conectezi acest PC la propriul releu?</translation>
    </message>
    <message>
        <source>Connect</source>
        <translation>Conectează</translation>
    </message>
</context>
<context>
    <name>ProgramPrompt</name>
    <message>
        <source>Pause until a program closes</source>
        <translation>Pauză până se închide un program</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>Caută</translation>
    </message>
    <message>
        <source>Search the programs that run</source>
        <translation>Caută printre programele care rulează</translation>
    </message>
    <message>
        <source>Programs that run</source>
        <translation>Programe care rulează</translation>
    </message>
    <message>
        <source>Nothing is shared until the program you choose here has closed, for a week at the most.</source>
        <translation>Nimic nu se partajează până se închide programul ales aici, cel mult o săptămână.</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Pune pe pauză</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Anulează</translation>
    </message>
</context>
<context>
    <name>ProgramRow</name>
    <message>
        <source>Remove</source>
        <translation>Elimină</translation>
    </message>
    <message>
        <source>Remove %1</source>
        <translation>Elimină %1</translation>
    </message>
</context>
<context>
    <name>ProgramsCard</name>
    <message>
        <source>Add</source>
        <translation>Adaugă</translation>
    </message>
    <message>
        <source>Choose one that runs…</source>
        <translation>Alege unul care rulează…</translation>
    </message>
    <message>
        <source>Nothing is shared while one of them runs, in any mode.</source>
        <translation>Nimic nu se partajează cât timp rulează unul dintre ele, în orice mod.</translation>
    </message>
    <message>
        <source>Name of the program&apos;s file, like game.exe</source>
        <translation>Numele fișierului programului, de exemplu game.exe</translation>
    </message>
    <message>
        <source>Program to keep this PC free for</source>
        <translation>Program pentru care acest PC rămâne liber</translation>
    </message>
    <message>
        <source>Nothing is shared while the program you choose here runs.</source>
        <translation>Nimic nu se partajează cât timp rulează programul ales aici.</translation>
    </message>
    <message>
        <source>Keep this PC free for a program</source>
        <translation>Ține acest PC liber pentru un program</translation>
    </message>
</context>
<context>
    <name>Question</name>
    <message>
        <source>Cancel</source>
        <translation>Anulează</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Închide</translation>
    </message>
</context>
<context>
    <name>RelayCard</name>
    <message>
        <source>Relay</source>
        <translation>Releu</translation>
    </message>
</context>
<context>
    <name>RulesCard</name>
    <message>
        <source>Back to the defaults</source>
        <translation>Revino la valorile implicite</translation>
    </message>
    <message>
        <source>To what settings.toml says, or what Nightjar comes with</source>
        <translation>La ce spune settings.toml sau la valorile cu care vine Nightjar</translation>
    </message>
</context>
<context>
    <name>RulesPage</name>
    <message>
        <source>When you are away</source>
        <translation>Când ești plecat</translation>
    </message>
    <message>
        <source>Schedule</source>
        <translation>Orar</translation>
    </message>
    <message>
        <source>Battery</source>
        <translation>Baterie</translation>
    </message>
    <message>
        <source>Heat</source>
        <translation>Căldură</translation>
    </message>
    <message>
        <source>Other programs</source>
        <translation>Alte programe</translation>
    </message>
    <message>
        <source>Programs that want the whole PC</source>
        <translation>Programe care vor tot PC-ul</translation>
    </message>
</context>
<context>
    <name>RulesPresenter</name>
    <message>
        <source>Nothing to change now</source>
        <translation>Nimic de schimbat acum</translation>
    </message>
    <message>
        <source>The rules show here while Nightjar is at work.</source>
        <translation>Regulile apar aici cât timp lucrează Nightjar.</translation>
    </message>
    <message>
        <source>Nightjar did not take the last change; the rules are as they were.</source>
        <translation>Nightjar nu a acceptat ultima schimbare; regulile sunt cum erau.</translation>
    </message>
    <message>
        <source>This PC would wait for this, too:</source>
        <translation>Acest PC ar aștepta și asta:</translation>
    </message>
    <message>
        <source>Nothing else is in the way.</source>
        <translation>Nimic altceva nu stă în cale.</translation>
    </message>
    <message>
        <source>Over at %1, in %2.</source>
        <translation>Se termină la %1, peste %2.</translation>
    </message>
    <message>
        <source>at once</source>
        <translation>imediat</translation>
    </message>
    <message>
        <source>no time</source>
        <translation>deloc</translation>
    </message>
    <message>
        <source>Share after this long without mouse and keyboard</source>
        <translation>Partajează după atâta timp fără mouse și tastatură</translation>
    </message>
    <message>
        <source>The same while the screen is locked</source>
        <translation>La fel, când ecranul este blocat</translation>
    </message>
    <message>
        <source>Calls, games and other load must be over for</source>
        <translation>Apelurile, jocurile și altele trebuie să fi încetat de</translation>
    </message>
    <message>
        <source>When you come back, an answer may go on for</source>
        <translation>Când te întorci, un răspuns mai poate continua</translation>
    </message>
    <message>
        <source>“When idle” waits until you are away. “Always” shares while you work, too.</source>
        <translation>„Când e liber” așteaptă până pleci. „Mereu” partajează și cât timp lucrezi.</translation>
    </message>
    <message>
        <source>Stop below a charge of</source>
        <translation>Oprește sub o încărcare de</translation>
    </message>
    <message>
        <source>Once stopped, start again from</source>
        <translation>Odată oprit, reia de la</translation>
    </message>
    <message>
        <source>Share on battery, too</source>
        <translation>Partajează și pe baterie</translation>
    </message>
    <message>
        <source>Stop when processor or graphics card reach</source>
        <translation>Oprește când procesorul sau placa video ajung la</translation>
    </message>
    <message>
        <source>Once stopped, start again below</source>
        <translation>Odată oprit, reia sub</translation>
    </message>
    <message>
        <source>Wait while they use more of the processor than</source>
        <translation>Așteaptă cât timp folosesc din procesor peste</translation>
    </message>
    <message>
        <source>Wait while they use more of the graphics card than</source>
        <translation>Așteaptă cât timp folosesc din placa video peste</translation>
    </message>
    <message>
        <source>Memory that stays free for them</source>
        <translation>Memorie care rămâne liberă pentru ele</translation>
    </message>
    <message>
        <source>Disk space that stays free</source>
        <translation>Spațiu pe disc care rămâne liber</translation>
    </message>
    <message>
        <source>The two limits count for “When idle”; memory and disk always do.</source>
        <translation>Cele două limite contează la „Când e liber”; memoria și discul, întotdeauna.</translation>
    </message>
    <message>
        <source>None yet. Add a game or a studio program, and nothing is shared while it runs.</source>
        <translation>Încă niciunul. Adaugă un joc sau un program de studio și nimic nu se partajează cât timp rulează.</translation>
    </message>
    <message>
        <source>%1 is on the list already.</source>
        <translation>%1 este deja în listă.</translation>
    </message>
    <message>
        <source>Open all week.</source>
        <translation>Deschis toată săptămâna.</translation>
    </message>
    <message>
        <source>No hour is open, so this PC never shares.</source>
        <translation>Nicio oră nu este deschisă, așa că acest PC nu partajează niciodată.</translation>
    </message>
    <message>
        <source>Open for %1 of %2 hours a week.</source>
        <translation>Deschis %1 din %2 de ore pe săptămână.</translation>
    </message>
    <message>
        <source>This is above the charge from which it starts again: raise that, too.</source>
        <translation>Este peste încărcarea de la care reia: mărește-o și pe aceea.</translation>
    </message>
    <message>
        <source>It would start again while it still has to stop: at least %1 %.</source>
        <translation>Ar relua cât timp încă trebuie să fie oprit: cel puțin %1 %.</translation>
    </message>
    <message>
        <source>This is below the temperature at which it starts again: lower that, too.</source>
        <translation>Este sub temperatura la care reia: micșoreaz-o și pe aceea.</translation>
    </message>
    <message>
        <source>It would start again while it is still too hot: at most %1 °C.</source>
        <translation>Ar relua cât timp este încă prea cald: cel mult %1 °C.</translation>
    </message>
    <message>
        <source>%1 h</source>
        <translation>%1 h</translation>
    </message>
    <message>
        <source>%1 min</source>
        <translation>%1 min</translation>
    </message>
    <message>
        <source>%1 s</source>
        <translation>%1 s</translation>
    </message>
    <message>
        <source>nothing</source>
        <translation>nimic</translation>
    </message>
</context>
<context>
    <name>SettingsPage</name>
    <message>
        <source>Start</source>
        <translation>Pornire</translation>
    </message>
    <message>
        <source>Colours</source>
        <translation>Culori</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>Limbă</translation>
    </message>
    <message>
        <source>Notifications</source>
        <translation>Notificări</translation>
    </message>
    <message>
        <source>Relay</source>
        <translation>Releu</translation>
    </message>
    <message>
        <source>Models’ folder</source>
        <translation>Dosarul modelelor</translation>
    </message>
    <message>
        <source>Privacy</source>
        <translation>Confidențialitate</translation>
    </message>
    <message>
        <source>About Nightjar</source>
        <translation>Despre Nightjar</translation>
    </message>
</context>
<context>
    <name>SettingsPresenter</name>
    <message>
        <source>As the desktop</source>
        <translation>Ca desktopul</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>Luminos</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>Întunecat</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>Ca sistemul</translation>
    </message>
    <message>
        <source>A change shows once Nightjar is started again. Commands in a terminal stay English.</source>
        <translation>O schimbare se vede după ce repornești Nightjar. Comenzile din terminal rămân în engleză.</translation>
    </message>
    <message>
        <source>All</source>
        <translation>Toate</translation>
    </message>
    <message>
        <source>Only problems</source>
        <translation>Doar problemele</translation>
    </message>
    <message>
        <source>None</source>
        <translation>Niciuna</translation>
    </message>
    <message>
        <source>Told are the first earnings, a model that has arrived, and what needs you: a download that stopped, a full disk, a relay that no longer knows this PC. Never that it shares or waits.</source>
        <translation>Se anunță primul câștig, un model care a sosit și ce are nevoie de tine: o descărcare oprită, un disc plin, un releu care nu mai cunoaște acest PC. Niciodată că partajează sau așteaptă.</translation>
    </message>
    <message>
        <source>It starts in the tray, and opens no window. Written in %1.</source>
        <translation>Pornește în zona de notificare și nu deschide nicio fereastră. Scris în %1.</translation>
    </message>
    <message>
        <source>Nightjar shares only while it runs.</source>
        <translation>Nightjar partajează doar cât timp rulează.</translation>
    </message>
    <message>
        <source>The relay shows here while Nightjar is at work.</source>
        <translation>Releul apare aici cât timp Nightjar lucrează.</translation>
    </message>
    <message>
        <source>This PC is not connected to a relay.</source>
        <translation>Acest PC nu este conectat la niciun releu.</translation>
    </message>
    <message>
        <source>You can do that on Home.</source>
        <translation>Poți face asta pe pagina Acasă.</translation>
    </message>
    <message>
        <source>It knows this PC as %1. To share at another one: nightjar enroll --relay URL</source>
        <translation>Cunoaște acest PC ca %1. Ca să partajezi la altul: nightjar enroll --relay URL</translation>
    </message>
    <message>
        <source>%1 of models, %2 free on this disk.</source>
        <translation>%1 de modele, %2 liberi pe acest disc.</translation>
    </message>
    <message>
        <source>Strangers&apos; questions and answers are worked on in this PC&apos;s memory. They are never written to its disk, and Nightjar has no way to show them.</source>
        <translation>Întrebările și răspunsurile străinilor se prelucrează în memoria acestui PC. Nu se scriu niciodată pe disc, iar Nightjar nu are cum să le arate.</translation>
    </message>
    <message>
        <source>Whatever a model is told, its process can reach neither your files nor the network, as far as this system allows; Diagnostics says how far that is.</source>
        <translation>Orice i s-ar spune unui model, procesul lui nu poate ajunge nici la fișierele tale, nici la rețea, atât cât permite acest sistem; pagina Diagnostic spune cât permite.</translation>
    </message>
    <message>
        <source>Earnings can be taken back for 3 days if checks of the answers fail. The electricity is yours.</source>
        <translation>Câștigurile pot fi luate înapoi timp de 3 zile, dacă răspunsurile nu trec verificările. Curentul electric îl plătești tu.</translation>
    </message>
    <message>
        <source>Kept are a log without any such text, and when this PC shared and why it did not.</source>
        <translation>Se păstrează un jurnal fără astfel de texte și când a partajat acest PC sau de ce nu a partajat.</translation>
    </message>
    <message>
        <source>There is no log and no history just now.</source>
        <translation>Acum nu există nici jurnal, nici istoric.</translation>
    </message>
    <message>
        <source>Log and history: %1.</source>
        <translation>Jurnal și istoric: %1.</translation>
    </message>
    <message>
        <source>Removed; %1 are free again.</source>
        <translation>Eliminat; s-au eliberat %1.</translation>
    </message>
    <message>
        <source>Remove log and history?</source>
        <translation>Elimini jurnalul și istoricul?</translation>
    </message>
    <message>
        <source>%1 of log, and the times at which this PC shared or did not, are removed for good. Models, settings, earnings and the connection to the relay stay.</source>
        <translation>%1 de jurnal și momentele la care acest PC a partajat sau nu se elimină definitiv. Modelele, setările, câștigurile și conexiunea cu releul rămân.</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Elimină</translation>
    </message>
    <message>
        <source>Version</source>
        <translation>Versiune</translation>
    </message>
    <message>
        <source>Licence</source>
        <translation>Licență</translation>
    </message>
    <message>
        <source>Data</source>
        <translation>Date</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Setări</translation>
    </message>
    <message>
        <source>Logs</source>
        <translation>Jurnale</translation>
    </message>
    <message>
        <source>Remove everything</source>
        <translation>Elimină tot</translation>
    </message>
    <message>
        <source>In a terminal, once Nightjar has ended: nightjar purge --all</source>
        <translation>Într-un terminal, după ce s-a închis Nightjar: nightjar purge --all</translation>
    </message>
</context>
<context>
    <name>Sidebar</name>
    <message>
        <source>Pages</source>
        <translation>Pagini</translation>
    </message>
    <message>
        <source>Home</source>
        <translation>Acasă</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>Modele</translation>
    </message>
    <message>
        <source>Earnings</source>
        <translation>Câștiguri</translation>
    </message>
    <message>
        <source>Activity</source>
        <translation>Activitate</translation>
    </message>
    <message>
        <source>Sharing rules</source>
        <translation>Reguli de partajare</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Setări</translation>
    </message>
    <message>
        <source>Diagnostics</source>
        <translation>Diagnostic</translation>
    </message>
</context>
<context>
    <name>SpeedCard</name>
    <message>
        <source>Speed now</source>
        <translation>Viteza acum</translation>
    </message>
</context>
<context>
    <name>StateCard</name>
    <message>
        <source>Pause…</source>
        <translation>Pauză…</translation>
    </message>
    <message>
        <source>Resume now</source>
        <translation>Reia acum</translation>
    </message>
</context>
<context>
    <name>StatePresenter</name>
    <message>
        <source>Nightjar stopped working</source>
        <translation>Nightjar nu mai funcționează</translation>
    </message>
    <message>
        <source>Quit it and start it again.</source>
        <translation>Închide-l și pornește-l din nou.</translation>
    </message>
    <message>
        <source>Starting…</source>
        <translation>Pornește…</translation>
    </message>
    <message>
        <source>One moment.</source>
        <translation>O clipă.</translation>
    </message>
    <message>
        <source>What you chose last holds until Nightjar ends, but could not be kept: %1</source>
        <translation>Ce ai ales ultima dată e valabil până se închide Nightjar, dar nu a putut fi păstrat: %1</translation>
    </message>
    <message>
        <source>Waiting for a quiet moment</source>
        <translation>Așteaptă un moment liniștit</translation>
    </message>
    <message>
        <source>Finishing up</source>
        <translation>Încheie</translation>
    </message>
    <message>
        <source>Sharing is off</source>
        <translation>Partajarea este oprită</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>În pauză</translation>
    </message>
    <message>
        <source>Going to sleep</source>
        <translation>Intră în repaus</translation>
    </message>
    <message>
        <source>Outside your hours</source>
        <translation>În afara orelor tale</translation>
    </message>
    <message>
        <source>Saving energy</source>
        <translation>Economisește energie</translation>
    </message>
    <message>
        <source>Cooling down</source>
        <translation>Se răcește</translation>
    </message>
    <message>
        <source>Making room for a program</source>
        <translation>Face loc unui program</translation>
    </message>
    <message>
        <source>Waiting for the full screen to end</source>
        <translation>Așteaptă sfârșitul ecranului complet</translation>
    </message>
    <message>
        <source>Waiting for a call or video</source>
        <translation>Așteaptă un apel sau un film</translation>
    </message>
    <message>
        <source>Waiting until you are away</source>
        <translation>Așteaptă până pleci</translation>
    </message>
    <message>
        <source>Waiting for the processor</source>
        <translation>Așteaptă procesorul</translation>
    </message>
    <message>
        <source>Waiting for the graphics card</source>
        <translation>Așteaptă placa video</translation>
    </message>
    <message>
        <source>Waiting for free memory</source>
        <translation>Așteaptă memorie liberă</translation>
    </message>
    <message>
        <source>The disk is almost full</source>
        <translation>Discul este aproape plin</translation>
    </message>
    <message>
        <source>Getting ready</source>
        <translation>Se pregătește</translation>
    </message>
    <message>
        <source>Ready to share</source>
        <translation>Gata de partajare</translation>
    </message>
    <message>
        <source>Sharing</source>
        <translation>Partajează</translation>
    </message>
    <message>
        <source>Waiting</source>
        <translation>Așteaptă</translation>
    </message>
    <message>
        <source>Waiting for the next call.</source>
        <translation>Așteaptă următoarea cerere.</translation>
    </message>
    <message>
        <source>Choose “When idle” or “Always” to share this PC.</source>
        <translation>Alege „Când e liber” sau „Mereu” ca să partajezi acest PC.</translation>
    </message>
    <message>
        <source>Nothing is shared until this PC wakes up.</source>
        <translation>Nimic nu se partajează până se trezește acest PC.</translation>
    </message>
    <message>
        <source>Your schedule keeps this time free.</source>
        <translation>Orarul tău păstrează liber acest timp.</translation>
    </message>
    <message>
        <source>You can change your hours under “Sharing rules”.</source>
        <translation>Îți poți schimba orele în „Reguli de partajare”.</translation>
    </message>
    <message>
        <source>Plug it in, or allow sharing on battery under “Sharing rules”.</source>
        <translation>Conectează-l la priză sau permite partajarea pe baterie în „Reguli de partajare”.</translation>
    </message>
    <message>
        <source>Close it, or take it off the list under “Sharing rules”.</source>
        <translation>Închide-l sau scoate-l din listă în „Reguli de partajare”.</translation>
    </message>
    <message>
        <source>A model is on its way</source>
        <translation>Un model este pe drum</translation>
    </message>
    <message>
        <source>No model to share</source>
        <translation>Niciun model de partajat</translation>
    </message>
    <message>
        <source>Sharing starts when the first one is here.</source>
        <translation>Partajarea începe când ajunge primul.</translation>
    </message>
    <message>
        <source>A download has stopped; its row says why.</source>
        <translation>O descărcare s-a oprit; rândul ei spune de ce.</translation>
    </message>
    <message>
        <source>You can go on with the download under “Models”.</source>
        <translation>Poți continua descărcarea în „Modele”.</translation>
    </message>
    <message>
        <source>You find another under “Models”.</source>
        <translation>Găsești altul în „Modele”.</translation>
    </message>
    <message>
        <source>You find one under “Models”.</source>
        <translation>Găsești unul în „Modele”.</translation>
    </message>
    <message>
        <source>One answer is still running; it is handed over to another PC or finished.</source>
        <translation>Un răspuns este încă în lucru; este predat altui PC sau terminat.</translation>
    </message>
    <message numerus="yes">
        <source>%Ln answers are still running; they are handed over to another PC or finished.</source>
        <translation>
            <numerusform>%Ln răspuns este încă în lucru; este predat altui PC sau terminat.</numerusform>
            <numerusform>%Ln răspunsuri sunt încă în lucru; sunt predate altui PC sau terminate.</numerusform>
            <numerusform>%Ln de răspunsuri sunt încă în lucru; sunt predate altui PC sau terminate.</numerusform>
        </translation>
    </message>
    <message>
        <source>Waiting for your approval</source>
        <translation>Așteaptă aprobarea ta</translation>
    </message>
    <message>
        <source>Approve this PC in your browser to start sharing.</source>
        <translation>Aprobă acest PC în browser ca să începi partajarea.</translation>
    </message>
    <message>
        <source>Connect this PC</source>
        <translation>Conectează acest PC</translation>
    </message>
    <message>
        <source>Nothing is shared yet. Connect to a relay, and this PC can start to earn.</source>
        <translation>Încă nu se partajează nimic. Conectează-te la un releu și acest PC poate începe să câștige.</translation>
    </message>
    <message>
        <source>the relay</source>
        <translation>releul</translation>
    </message>
    <message>
        <source>Connecting…</source>
        <translation>Se conectează…</translation>
    </message>
    <message>
        <source>Reaching %1.</source>
        <translation>Se contactează %1.</translation>
    </message>
    <message>
        <source>The relay refuses this PC</source>
        <translation>Releul refuză acest PC</translation>
    </message>
    <message>
        <source>No contact</source>
        <translation>Fără contact</translation>
    </message>
    <message>
        <source>%1 does not answer.</source>
        <translation>%1 nu răspunde.</translation>
    </message>
    <message>
        <source>Next try in %1.</source>
        <translation>Următoarea încercare peste %1.</translation>
    </message>
    <message>
        <source>The pause ends when this PC is plugged in, at %1 at the latest.</source>
        <translation>Pauza se termină când acest PC este conectat la priză, cel târziu la %1.</translation>
    </message>
    <message>
        <source>The pause ends when %2 closes, at %1 at the latest.</source>
        <translation>Pauza se termină când se închide %2, cel târziu la %1.</translation>
    </message>
    <message>
        <source>Sharing continues when you resume it.</source>
        <translation>Partajarea continuă când o reiei tu.</translation>
    </message>
    <message>
        <source>Sharing continues at %1, in %2.</source>
        <translation>Partajarea continuă la %1, peste %2.</translation>
    </message>
    <message>
        <source>The pause ends at %1, in %2.</source>
        <translation>Pauza se termină la %1, peste %2.</translation>
    </message>
    <message>
        <source>This PC also waits for something else: %1</source>
        <translation>Acest PC mai așteaptă și altceva: %1</translation>
    </message>
    <message>
        <source>Sharing starts at %1, in %2.</source>
        <translation>Partajarea începe la %1, peste %2.</translation>
    </message>
    <message>
        <source>Sharing starts at %1 at the earliest, in %2.</source>
        <translation>Partajarea începe cel mai devreme la %1, peste %2.</translation>
    </message>
    <message>
        <source>One answer is being written on this PC.</source>
        <translation>Pe acest PC se scrie un răspuns.</translation>
    </message>
    <message numerus="yes">
        <source>%Ln answers are being written on this PC.</source>
        <translation>
            <numerusform>Pe acest PC se scrie %Ln răspuns.</numerusform>
            <numerusform>Pe acest PC se scriu %Ln răspunsuri.</numerusform>
            <numerusform>Pe acest PC se scriu %Ln de răspunsuri.</numerusform>
        </translation>
    </message>
    <message>
        <source>Nightjar is about to quit.</source>
        <translation>Nightjar este pe cale să se închidă.</translation>
    </message>
    <message>
        <source>One answer is being finished; then Nightjar quits.</source>
        <translation>Se termină un răspuns; apoi Nightjar se închide.</translation>
    </message>
    <message numerus="yes">
        <source>%Ln answers are being finished; then Nightjar quits.</source>
        <translation>
            <numerusform>Se termină %Ln răspuns; apoi Nightjar se închide.</numerusform>
            <numerusform>Se termină %Ln răspunsuri; apoi Nightjar se închide.</numerusform>
            <numerusform>Se termină %Ln de răspunsuri; apoi Nightjar se închide.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>TrayMenu</name>
    <message>
        <source>Starting…</source>
        <translation>Pornește…</translation>
    </message>
    <message>
        <source>Nothing earned yet</source>
        <translation>Încă niciun câștig</translation>
    </message>
    <message>
        <source>Sharing</source>
        <translation>Partajare</translation>
    </message>
    <message>
        <source>Resume now</source>
        <translation>Reia acum</translation>
    </message>
    <message>
        <source>Free memory now</source>
        <translation>Eliberează memoria acum</translation>
    </message>
    <message>
        <source>Open Nightjar…</source>
        <translation>Deschide Nightjar…</translation>
    </message>
    <message>
        <source>Models…</source>
        <translation>Modele…</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>Ieșire</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>Oprit</translation>
    </message>
    <message>
        <source>When idle</source>
        <translation>Când e liber</translation>
    </message>
    <message>
        <source>Always</source>
        <translation>Mereu</translation>
    </message>
</context>
<context>
    <name>WeekCard</name>
    <message>
        <source>Shares only in the hours that are filled. Drag over them to open or to close; with the keyboard, arrows move, space switches, and Shift with the arrows paints.</source>
        <translation>Partajează doar în orele umplute. Trage peste ele ca să le deschizi sau să le închizi; de la tastatură, săgețile mută, spațiul comută, iar Shift cu săgețile colorează.</translation>
    </message>
    <message>
        <source>Always</source>
        <translation>Tot timpul</translation>
    </message>
    <message>
        <source>Nights</source>
        <translation>Noaptea</translation>
    </message>
    <message>
        <source>Clear</source>
        <translation>Golește</translation>
    </message>
</context>
<context>
    <name>WeekGrid</name>
    <message>
        <source>Hours of the week in which this PC may share</source>
        <translation>Orele săptămânii în care acest PC poate partaja</translation>
    </message>
    <message>
        <source>%1 %2–%3: open</source>
        <translation>%1 %2–%3: deschis</translation>
    </message>
    <message>
        <source>%1 %2–%3: closed</source>
        <translation>%1 %2–%3: închis</translation>
    </message>
</context>
<context>
    <name>_AnswersCard</name>
    <message>
        <source>Show more</source>
        <translation>Arată mai multe</translation>
    </message>
    <message>
        <source>What was asked and answered is kept nowhere on this PC, so it cannot be shown.</source>
        <translation>Ce s-a întrebat și ce s-a răspuns nu se păstrează nicăieri pe acest PC, așa că nu poate fi arătat.</translation>
    </message>
</context>
<context>
    <name>_DaysCard</name>
    <message>
        <source>Earnings by day and model</source>
        <translation>Câștiguri pe zile și modele</translation>
    </message>
    <message>
        <source>Show as table</source>
        <translation>Arată ca tabel</translation>
    </message>
    <message>
        <source>Save as CSV…</source>
        <translation>Salvează ca CSV…</translation>
    </message>
    <message numerus="yes">
        <source>%Ln days</source>
        <translation>
            <numerusform>%Ln zi</numerusform>
            <numerusform>%Ln zile</numerusform>
            <numerusform>%Ln de zile</numerusform>
        </translation>
    </message>
    <message>
        <source>Show as chart</source>
        <translation>Arată ca grafic</translation>
    </message>
</context>
<context>
    <name>_DiskStrip</name>
    <message>
        <source>Import a model…</source>
        <translation>Importă un model…</translation>
    </message>
    <message>
        <source>Move folder…</source>
        <translation>Mută dosarul…</translation>
    </message>
</context>
<context>
    <name>_FaultCard</name>
    <message>
        <source>Copy</source>
        <translation>Copiază</translation>
    </message>
    <message>
        <source>Forget it</source>
        <translation>Șterge eroarea</translation>
    </message>
</context>
<context>
    <name>_LogCard</name>
    <message>
        <source>Copy</source>
        <translation>Copiază</translation>
    </message>
    <message>
        <source>Open the folder</source>
        <translation>Deschide dosarul</translation>
    </message>
</context>
<context>
    <name>_ModelsCard</name>
    <message>
        <source>It can be moved on the page Models.</source>
        <translation>Poate fi mutat pe pagina Modele.</translation>
    </message>
    <message>
        <source>Open the folder</source>
        <translation>Deschide dosarul</translation>
    </message>
</context>
<context>
    <name>_PrivacyCard</name>
    <message>
        <source>Remove log and history…</source>
        <translation>Elimină jurnalul și istoricul…</translation>
    </message>
</context>
<context>
    <name>_ReportCard</name>
    <message>
        <source>Make a report</source>
        <translation>Fă un raport</translation>
    </message>
    <message>
        <source>Save as…</source>
        <translation>Salvează ca…</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Copiază</translation>
    </message>
    <message>
        <source>Make it anew</source>
        <translation>Fă-l din nou</translation>
    </message>
    <message>
        <source>Collecting…</source>
        <translation>Se adună…</translation>
    </message>
</context>
<context>
    <name>_ShareCard</name>
    <message>
        <source>Start Nightjar when I log in</source>
        <translation>Pornește Nightjar când mă autentific</translation>
    </message>
    <message>
        <source>Both can be changed at any time.</source>
        <translation>Ambele pot fi schimbate oricând.</translation>
    </message>
</context>
<context>
    <name>_StartCard</name>
    <message>
        <source>Start Nightjar when I log in</source>
        <translation>Pornește Nightjar când mă autentific</translation>
    </message>
</context>
<context>
    <name>_TestCard</name>
    <message>
        <source>Run again</source>
        <translation>Repetă</translation>
    </message>
    <message>
        <source>Looking…</source>
        <translation>Se verifică…</translation>
    </message>
</context>
</TS>
